"""Live changes: pictures that join and leave a collection while it is searched and built.

LiveChanges.add(additions) is one durable transaction: when it returns, every snapshot that is
opened sees the items, and whatever ends the process then, they stay. Adding what is there already
changes nothing but what is said of it. LiveChanges.delete(ids) is one, too: the item leaves
wherever it was found, its uploaded bytes and its thumbnail are erased, and it is not found again
until its bytes are added on purpose. Neither touches a file that anybody's folder holds.

Changes wait for each other, for at most WAIT_S, across processes; a job that publishes is one of
them. Safe to call from several threads. Raises SpaceError for vectors of other spaces than the
collection's, and what keeps it from being written as index/changes/unwritable.py does; then nothing
of the call has happened.
"""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np

from index.catalogue import ITEM_FIELDS, connect, reading
from index.changes.delta import Packed, pack
from index.changes.staged_files import StagedFiles
from index.changes.unwritable import changing
from index.folder import CollectionFolder
from index.items import UPLOADS, Item
from models.errors import InputError, SpaceError
from models.space import Space, named
from models.vectors import Vector

WAIT_S = 30.0
MAX_PATH = 1_000
SHORT_ID = 8


@dataclass(frozen=True)
class Addition:
    """A picture, and all that a collection keeps of it; what is None is not said."""

    data: bytes
    item: Item  # its id is its content's; without occurrences
    embeddings: Mapping[Space, Vector]  # raw
    thumbnail: bytes | None = None
    path: str | None = None  # what it is called; nothing is written there
    caption: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Added:
    id: str
    path: str
    is_new: bool


Deletion = Literal["deleted", "already deleted", "unknown"]


@dataclass
class LiveChanges:
    folder: CollectionFolder
    wait_s: float = WAIT_S
    spaces: tuple[Space, ...] | None = None  # deletes nothing from a collection of others
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock)

    def add(self, additions: Sequence[Addition]) -> list[Added]:
        """In their order."""
        if not additions:
            return []
        spaces = tuple(additions[0].embeddings)
        packed = pack([np.stack([a.embeddings[space] for a in additions]) for space in spaces])
        files = StagedFiles(self.folder)
        with self._one_at_a_time, changing(self.folder.path), files:
            files.write(additions)
            with self._transaction() as change:
                change.check_spaces(spaces)
                added = [
                    change.add(addition, vectors)
                    for addition, vectors in zip(additions, packed, strict=True)
                ]
                files.adopt()
        return added

    def delete(self, ids: Sequence[str]) -> list[Deletion]:
        """In their order."""
        with self._one_at_a_time, changing(self.folder.path):
            with self._transaction() as change:
                if self.spaces is not None:
                    change.check_spaces(self.spaces)
                deletions = [change.delete(id_) for id_ in ids]
            self._erase()
        return deletions

    def finish_erasures(self) -> None:
        """Erase what a process that was killed has deleted, and not erased any more."""
        with self._one_at_a_time, changing(self.folder.path):
            self._erase()

    def delta_rows(self) -> int:
        """How many items were added since the generation was published."""
        with (
            closing(connect(self.folder.catalogue)) as connection,
            reading(connection, self.folder.catalogue) as catalogue,
        ):
            return catalogue.counts().delta

    def _erase(self) -> None:
        """Under the write lock, so that nobody adds the same bytes meanwhile."""
        with self._transaction() as change:
            for id_ in change.erasures():
                if not change.has(id_):
                    self.folder.upload(id_).unlink(missing_ok=True)
                    self.folder.thumbnail(id_).unlink(missing_ok=True)
            change.forget_erasures()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator["_Change"]:
        with closing(connect(self.folder.catalogue)) as connection:
            connection.execute(f"PRAGMA busy_timeout = {round(1000 * self.wait_s)}")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN IMMEDIATE")
            try:
                change = _Change(connection)
                yield change
                change.settle()
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.rollback()


class _Change:
    """The statements of one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        (latest,) = self._one("SELECT value FROM meta WHERE key = 'changes'")
        self._number = latest + 1
        self._has_changed = False

    def check_spaces(self, spaces: Sequence[Space]) -> None:
        rows = self._connection.execute(
            "SELECT model, revision, dimension FROM spaces ORDER BY position"
        )
        held = tuple(Space(*row) for row in rows)
        if held != tuple(spaces):
            raise SpaceError(
                f"the collection's vectors are of {named(held)}, these of {named(spaces)}"
            )

    def has(self, item: str) -> bool:
        return self._one("SELECT EXISTS (SELECT 1 FROM items WHERE id = ?)", item) == (1,)

    def add(self, addition: Addition, vectors: Packed) -> Added:
        item, is_new = addition.item, not self.has(addition.item.id)
        if is_new:
            values = [getattr(item, name) for name in ITEM_FIELDS]
            self._write(f"INSERT INTO items ({', '.join(ITEM_FIELDS)}) VALUES", *values)
            self._write(
                "INSERT INTO delta (item_id, change, units, norms) VALUES",
                *(item.id, self._number, vectors.units, vectors.norms),
            )
            self._connection.execute("DELETE FROM deleted WHERE item_id = ?", (item.id,))
        path = self._occur(addition)
        return Added(item.id, path, is_new)

    def _occur(self, addition: Addition) -> str:
        """One occurrence among the uploads; of what is not said, what was said before stays."""
        id_ = addition.item.id
        was = self._connection.execute(
            "SELECT path, caption, metadata FROM occurrences WHERE source = ? AND item_id = ?",
            (UPLOADS, id_),
        ).fetchone()
        path, caption, metadata = was or (None, None, "{}")
        if path is None or addition.path is not None:
            path = self._free_path(addition)
        if addition.caption is not None:
            caption = addition.caption
        if addition.metadata is not None:
            metadata = json.dumps(addition.metadata, ensure_ascii=False)
        if was == (path, caption, metadata):
            return str(path)
        self._connection.execute(
            "DELETE FROM occurrences WHERE source = ? AND item_id = ?", (UPLOADS, id_)
        )
        self._write(
            "INSERT INTO occurrences (source, path, item_id, caption, metadata, stamp) VALUES",
            *(UPLOADS, path, id_, caption, metadata, id_),
        )
        self._write("INSERT OR REPLACE INTO touched (item_id, change) VALUES", id_, self._number)
        return str(path)

    def _free_path(self, addition: Addition) -> str:
        """The wanted one, or beside another item's of that name one with some of the id."""
        item = addition.item
        wanted = clean_path(addition.path or f"{item.id}.{item.format.lower()}")
        taken = self._connection.execute(
            "SELECT 1 FROM occurrences WHERE source = ? AND path = ? AND item_id != ?",
            (UPLOADS, wanted, item.id),
        ).fetchone()
        if taken is None:
            return wanted
        place = PurePosixPath(wanted)
        return str(place.with_name(f"{place.stem}-{item.id[:SHORT_ID]}{place.suffix}"))

    def delete(self, item: str) -> Deletion:
        if not self.has(item):
            known = self._one("SELECT EXISTS (SELECT 1 FROM deleted WHERE item_id = ?)", item)
            return "already deleted" if known == (1,) else "unknown"
        for table in ("occurrences", "delta", "touched"):
            self._connection.execute(f"DELETE FROM {table} WHERE item_id = ?", (item,))
        self._connection.execute("DELETE FROM items WHERE id = ?", (item,))
        self._write("INSERT OR REPLACE INTO deleted (item_id, change) VALUES", item, self._number)
        self._write("INSERT OR REPLACE INTO erasures (item_id) VALUES", item)
        return "deleted"

    def erasures(self) -> list[str]:
        return [id_ for (id_,) in self._connection.execute("SELECT item_id FROM erasures")]

    def forget_erasures(self) -> None:
        self._connection.execute("DELETE FROM erasures")

    def settle(self) -> None:
        """Give the change its number, if anything has changed that a snapshot sees."""
        if self._has_changed:
            self._connection.execute(
                "UPDATE meta SET value = ? WHERE key = 'changes'", (self._number,)
            )

    def _write(self, statement: str, *values: object) -> None:
        self._connection.execute(f"{statement} ({', '.join('?' * len(values))})", values)
        self._has_changed = True

    def _one(self, statement: str, *values: object) -> tuple[int, ...]:
        row: tuple[int, ...] = self._connection.execute(statement, values).fetchone()
        return row


def clean_path(path: str) -> str:
    """A name to show, with / between folders: without control characters and what leads out.

    Raises InputError for one that is too long, or holds half of a character.
    """
    printable = "".join(c for c in path.replace("\\", "/") if c.isprintable())
    parts = [part.strip() for part in printable.split("/")]
    cleaned = "/".join(part for part in parts if part not in ("", ".", ".."))
    if len(cleaned) > MAX_PATH:
        raise InputError(f"a name of {len(cleaned)} characters, expected at most {MAX_PATH}")
    return cleaned or "picture"
