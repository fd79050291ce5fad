"""Reading `catalogue.sqlite`: what one transaction sees of a collection.

Every read of one `SqliteCatalogue` belongs to one read transaction, so that it speaks of one
generation however many jobs publish meanwhile. Failures of SQLite come out as CollectionError.
"""

import contextlib
import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Collection as Ids
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index.folder import STAGING
from index.items import UPLOADS, Failure, Item, Occurrence
from index.migrations import FormatError, upgrade
from index.overview.layouts import LayoutRecord
from index.segments import SegmentRecord
from index.vectors.indexes import IndexRecord
from models.errors import CollectionError
from models.space import Space

ITEM_FIELDS = tuple(field.name for field in fields(Item) if field.name != "occurrences")
VARIABLES = 900  # SQLite before 3.32 takes 999 in one statement


@dataclass(frozen=True)
class Header:
    generation: int
    spaces: tuple[Space, ...]  # texts are compared in the first, pictures in the last
    model: str
    created_at: str  # ISO 8601, UTC
    updated_at: str
    change: int = 0  # the number of the latest live change
    folded: int = 0  # and of the latest that the generation has in its segments


@dataclass(frozen=True)
class Counts:
    items: int
    occurrences: int
    failures: int
    delta: int
    deleted: int


class Catalogue(Protocol):
    """What a snapshot reads of one generation."""

    def header(self) -> Header: ...
    def counts(self) -> Counts: ...
    def roots(self) -> dict[str, Path]: ...
    def segments(self) -> tuple[SegmentRecord, ...]: ...
    def indexes(self) -> tuple[IndexRecord, ...]: ...
    def layout(self) -> LayoutRecord | None: ...
    def dead(self) -> dict[str, NDArray[np.int64]]: ...
    def items(self, ids: Ids[str]) -> dict[str, Item]: ...
    def item_ids(self) -> Iterator[str]: ...
    def ids_by_path(self, source: str) -> dict[str, str]: ...
    def failures(self) -> Iterator[Failure]: ...
    def rows(self, statement: str, values: Sequence[Any] = ()) -> Iterable[tuple[Any, ...]]: ...


@contextlib.contextmanager
def sqlite_errors(file: Path) -> Iterator[None]:
    """SQLite's failures and a foreign catalogue's, in our tree, with the file's name."""
    try:
        yield
    except (sqlite3.Error, FormatError) as error:
        writable = os.access(file.parent, os.W_OK)
        hint = "" if writable else " (SQLite must write into this folder, even to read)"
        raise CollectionError(f"{file}: {error}{hint}") from error


class NothingPublished(CollectionError):
    """There is no collection, or none yet: its first job has not ended."""


def connect(file: Path) -> sqlite3.Connection:
    """A connection for reading, for any one thread at a time; an old format is brought up to date.

    Raises NothingPublished, or CollectionError for a file that this Pictor cannot read.
    """
    if not file.is_file():
        begun = (file.parent / STAGING).is_dir()
        hint = " yet: its first job has not ended; the same command goes on" if begun else ""
        raise NothingPublished(f"{file.parent}: no collection there{hint}")
    uri = file.absolute().as_uri() + "?mode=rw"
    with sqlite_errors(file), contextlib.ExitStack() as opened:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        opened.callback(connection.close)
        if upgrade(connection) == 0:
            raise NothingPublished(f"{file.parent}: no collection there yet: no job has ended")
        opened.pop_all()
    return connection


@contextlib.contextmanager
def reading(connection: sqlite3.Connection, file: Path) -> Iterator["SqliteCatalogue"]:
    """One read transaction: everything read within is of one generation."""
    with sqlite_errors(file):
        connection.execute("BEGIN")
    try:
        yield SqliteCatalogue(connection, file)
    finally:
        connection.rollback()


class SqliteCatalogue:
    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._connection = connection
        self._file = file

    def header(self) -> Header:
        meta = dict(self._rows("SELECT key, value FROM meta"))
        try:
            return Header(
                generation=meta["generation"],
                spaces=self._spaces(),
                model=meta["model"],
                created_at=meta["created_at"],
                updated_at=meta["updated_at"],
                change=meta["changes"],
                folded=meta["folded"],
            )
        except KeyError as error:
            raise CollectionError(f"{self._file}: damaged: its meta lacks {error}") from error

    def counts(self) -> Counts:
        tables = ("items", "occurrences", "failures", "delta", "deleted")
        return Counts(*(self._rows(f"SELECT count(*) FROM {t}")[0][0] for t in tables))

    def _spaces(self) -> tuple[Space, ...]:
        rows = self._rows("SELECT model, revision, dimension FROM spaces ORDER BY position")
        if not rows:
            raise CollectionError(f"{self._file}: damaged: names no space")
        return tuple(Space(*row) for row in rows)

    def roots(self) -> dict[str, Path]:
        rows = self._rows("SELECT name, path FROM roots ORDER BY name")
        return {name: Path(path) for name, path in rows}

    def segments(self) -> tuple[SegmentRecord, ...]:
        rows = self._rows("SELECT name, rows, bytes, checksum FROM segments ORDER BY position")
        return tuple(SegmentRecord(*row) for row in rows)

    def indexes(self) -> tuple[IndexRecord, ...]:
        """One a space, in their order."""
        rows = self._rows(
            "SELECT name, rows, bytes, checksum, space, segments, settings "
            "FROM indexes ORDER BY space"
        )
        records, spaces = [IndexRecord(*row) for row in rows], len(self._spaces())
        if [record.space for record in records] != list(range(spaces)):
            raise CollectionError(
                f"{self._file}: names {len(records)} indexes, expected one for each of its "
                f"{spaces} spaces"
            )
        return tuple(records)

    def layout(self) -> LayoutRecord | None:
        """Of the overview, where a job has made one."""
        rows = self._rows("SELECT name, rows, bytes, checksum, method, fitted FROM layouts")
        return LayoutRecord(*rows[0]) if rows else None

    def dead(self) -> dict[str, NDArray[np.int64]]:
        """The rows of each segment whose items have left, rising."""
        rows: defaultdict[str, list[int]] = defaultdict(list)
        for segment, row in self._rows("SELECT segment, row FROM dead ORDER BY segment, row"):
            rows[segment].append(row)
        return {segment: np.array(each, dtype=np.int64) for segment, each in rows.items()}

    def items(self, ids: Ids[str]) -> dict[str, Item]:
        """The items of these ids, in their order; unknown ids are left out."""
        occurrences: dict[str, list[Occurrence]] = defaultdict(list)
        for item, source, path, caption, metadata in self._rows_of(
            "SELECT item_id, source, path, caption, metadata FROM occurrences "
            "WHERE item_id IN ({}) ORDER BY source, path",
            ids,
        ):
            at = Occurrence(source, path, caption, json.loads(metadata))
            occurrences[item].append(at)
        facts = self._rows_of(f"SELECT {', '.join(ITEM_FIELDS)} FROM items WHERE id IN ({{}})", ids)
        found = {
            row[0]: Item(
                **dict(zip(ITEM_FIELDS, row, strict=True)), occurrences=tuple(occurrences[row[0]])
            )
            for row in facts
        }
        return {id_: found[id_] for id_ in ids if id_ in found}

    def item_ids(self) -> Iterator[str]:
        return (id_ for (id_,) in self._rows("SELECT id FROM items ORDER BY id"))

    def without_pictures(self) -> set[str]:
        """Items of vectors that were made elsewhere, whose pictures are not there."""
        return {id_ for (id_,) in self._rows("SELECT id FROM items WHERE bytes = 0")}

    def ids_within(self, prefix: str) -> set[str]:
        """The items whose ids begin with these hex digits."""
        # no hex digit is beyond a g
        rows = self._rows("SELECT id FROM items WHERE id >= ? AND id < ?", (prefix, f"{prefix}g"))
        return {id_ for (id_,) in rows}

    def sent_within(self, prefix: str) -> set[str]:
        """Those of them whose bytes were sent."""
        rows = self._rows(
            "SELECT item_id FROM occurrences WHERE item_id >= ? AND item_id < ? AND source = ?",
            (prefix, f"{prefix}g", UPLOADS),
        )
        return {id_ for (id_,) in rows}

    def ids_by_path(self, source: str) -> dict[str, str]:
        rows = self._rows("SELECT path, item_id FROM occurrences WHERE source = ?", (source,))
        return dict(rows)

    def ids_outside(self, sources: Ids[str]) -> set[str]:
        """Items that occur in other sources than these."""
        marks = ",".join("?" * len(sources))
        rows = self._rows(
            f"SELECT DISTINCT item_id FROM occurrences WHERE source NOT IN ({marks})", [*sources]
        )
        return {id_ for (id_,) in rows}

    def failures(self) -> Iterator[Failure]:
        rows = self._rows("SELECT source, path, reason FROM failures ORDER BY source, path, reason")
        return (Failure(*row) for row in rows)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> Iterable[tuple[Any, ...]]:
        """The rows of a statement of another file's, as they come."""
        with sqlite_errors(self._file):
            yield from self._connection.execute(statement, tuple(values))

    def integrity(self) -> list[str]:
        """SQLite's own faults, in its words; empty for a sound file."""
        faults = [text for (text,) in self._rows("PRAGMA integrity_check") if text != "ok"]
        broken = self._rows("PRAGMA foreign_key_check")
        return faults + [f"table {row[0]} refers to a missing row of {row[2]}" for row in broken]

    def _rows_of(self, statement: str, ids: Ids[str]) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement with the ids in its braces, asked in parts."""
        asked = list(ids)
        for first in range(0, len(asked), VARIABLES):
            part = asked[first : first + VARIABLES]
            yield from self._rows(statement.format(",".join("?" * len(part))), part)

    def _rows(self, statement: str, values: Ids[Any] = ()) -> list[tuple[Any, ...]]:
        with sqlite_errors(self._file):
            return self._connection.execute(statement, tuple(values)).fetchall()
