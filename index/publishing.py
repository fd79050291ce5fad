"""One transaction that makes a new generation of a collection.

Only the scanned sources' occurrences, failures and roots change; items that nothing holds any more
leave; the list of segments and the index are switched. Before the commit the catalogue is checked
against the vectors: as many items as rows, or nothing is published.
"""

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path

from index.catalogue import ITEM_FIELDS, sqlite_errors
from index.faiss import IndexRecord
from index.folder import writing
from index.items import Failure, Item, Occurrence
from index.migrations import migrate
from index.segments import SegmentRecord
from index.sources import Root
from models.errors import CollectionError
from models.files import sync
from models.space import Space


@dataclass(frozen=True)
class Publication:
    """What a job has found; `read` are the items that it read anew, without their occurrences."""

    spaces: Sequence[Space]
    model: str
    scanned: Collection[str]
    roots: Sequence[Root]
    read: Sequence[Item]
    occurrences: Sequence[tuple[str, Occurrence]]
    failures: Sequence[Failure]
    segments: Sequence[SegmentRecord]
    indexes: Sequence[IndexRecord]


@dataclass(frozen=True)
class Published:
    generation: int
    items: int
    removed: int


def publish(file: Path, publication: Publication) -> Published:
    """Commit it; durable when it returns."""
    with sqlite_errors(file):
        connection = sqlite3.connect(file, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN IMMEDIATE")
            published = _write(connection, publication)
            connection.execute("COMMIT")
        finally:
            connection.close()
    with writing(file.parent):
        sync(file.parent)
    return published


def _write(connection: sqlite3.Connection, publication: Publication) -> Published:
    migrate(connection)
    scanned = [(name,) for name in publication.scanned]
    connection.executemany("DELETE FROM occurrences WHERE source = ?", scanned)
    connection.executemany("DELETE FROM failures WHERE source = ?", scanned)
    _write_items(connection, publication)
    removed = connection.execute(
        "DELETE FROM items WHERE id NOT IN (SELECT item_id FROM occurrences)"
    ).rowcount
    _write_vectors(connection, publication)
    connection.executemany(
        "INSERT INTO failures (source, path, reason) VALUES (?, ?, ?)",
        map(astuple, publication.failures),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO roots (name, path) VALUES (?, ?)",
        ((root.name, str(root.path)) for root in publication.roots),
    )
    generation = _write_meta(connection, publication)
    (items,) = connection.execute("SELECT count(*) FROM items").fetchone()
    rows = sum(segment.rows for segment in publication.segments)
    if items != rows:
        raise CollectionError(f"not published: {items} items, but {rows} vectors")
    return Published(generation, items, removed)


def _write_items(connection: sqlite3.Connection, publication: Publication) -> None:
    columns, marks = ", ".join(ITEM_FIELDS), ", ".join("?" * len(ITEM_FIELDS))
    update = ", ".join(f"{name} = excluded.{name}" for name in ITEM_FIELDS[1:])
    connection.executemany(
        f"INSERT INTO items ({columns}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {update}",
        ([getattr(item, name) for name in ITEM_FIELDS] for item in publication.read),
    )
    connection.executemany(
        "INSERT INTO occurrences (item_id, source, path, caption, metadata) VALUES (?, ?, ?, ?, ?)",
        (
            (id_, at.source, at.path, at.caption, json.dumps(at.metadata, ensure_ascii=False))
            for id_, at in publication.occurrences
        ),
    )


def _write_vectors(connection: sqlite3.Connection, publication: Publication) -> None:
    connection.execute("DELETE FROM segments")
    connection.executemany(
        "INSERT INTO segments (position, name, rows, bytes, checksum) VALUES (?, ?, ?, ?, ?)",
        ((position, *astuple(record)) for position, record in enumerate(publication.segments)),
    )
    connection.execute("DELETE FROM indexes")
    connection.executemany(
        "INSERT INTO indexes (name, rows, bytes, checksum, space) VALUES (?, ?, ?, ?, ?)",
        map(astuple, publication.indexes),
    )
    connection.execute("DELETE FROM spaces")
    connection.executemany(
        "INSERT INTO spaces (position, model, revision, dimension) VALUES (?, ?, ?, ?)",
        ((position, *astuple(space)) for position, space in enumerate(publication.spaces)),
    )


def _write_meta(connection: sqlite3.Connection, publication: Publication) -> int:
    meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    now = datetime.now(UTC).isoformat(timespec="seconds")
    generation = int(meta.get("generation", 0)) + 1
    values = {
        "generation": generation,
        "model": publication.model,
        "created_at": meta.get("created_at", now),
        "updated_at": now,
    }
    connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", values.items())
    return generation
