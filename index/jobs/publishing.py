"""One transaction that makes a new generation of a collection.

Only the scanned sources' occurrences, failures and roots change; items that nothing holds any more
leave, and their rows are dead from then on; the lists of segments and indexes are switched. What
was added and deleted live while the job ran stays added and deleted (index/jobs/settling.py).
Before the commit the catalogue is checked against the vectors: as many items as rows that live, or
nothing is published. Where a job has found nothing new there is no new generation.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path

from index.catalogue import ITEM_FIELDS, sqlite_errors
from index.folder import writing
from index.items import WHOLE
from index.jobs.late import LateUploads
from index.jobs.settling import fold
from index.jobs.staging import Staged
from index.migrations import migrate
from index.overview.making import Mapped
from index.sources import Root
from models.errors import CollectionError
from models.files import sync
from models.space import Space

WAIT_S = 60.0  # for a live change to end
ROUNDS = 3  # until those that add live wait for the job
# names of sources come as one JSON array
SCANNED = "source IN (SELECT value FROM json_each(?))"
# of what could not be looked into nobody knows what has left
UNSEEN = (
    "SELECT 1 FROM job.failures AS folder WHERE folder.source = occurrences.source "
    f"AND (folder.path = '{WHOLE}' OR folder.path LIKE '%/' "
    "AND substr(occurrences.path, 1, length(folder.path)) = folder.path)"
)
AT = "source, path, item_id, caption, metadata"


@dataclass(frozen=True)
class Publication:
    """What a job has found; the items, occurrences and failures are in its journal."""

    spaces: Sequence[Space]
    model: str
    scanned: Sequence[str]
    roots: Sequence[Root]
    journal: Path
    staged: Staged
    late: LateUploads
    mapped: Mapped


@dataclass(frozen=True)
class Published:
    generation: int
    items: int
    removed: int


def publish(file: Path, publication: Publication) -> Published:
    """Commit it; durable when it returns."""
    late, published = publication.late, None
    with sqlite_errors(file), closing(_connected(file, publication.journal)) as connection:
        for _ in range(ROUNDS):
            with _writing(connection):
                missing = late.missing(connection, publication.staged)
                published = None if missing else _written(connection, publication)
            if published is not None:
                break
            late.embed(missing)  # while others add
        else:
            with _writing(connection):  # while they wait
                late.embed(late.missing(connection, publication.staged))
                published = _written(connection, publication)
    with writing(file.parent):
        sync(file.parent)
    return published


def _connected(file: Path, journal: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None, timeout=WAIT_S)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("ATTACH ? AS job", (str(journal),))
    return connection


@contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        migrate(connection)
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()


def _written(connection: sqlite3.Connection, publication: Publication) -> Published:
    before = connection.total_changes
    removed = _write_items(connection, publication)
    _write_failures(connection, publication)
    _write_roots(connection, publication.roots)
    _write_vectors(connection, publication)
    fold(connection, publication.staged, removed, publication.late.rows)
    changed = connection.total_changes > before
    _write_stamps(connection)  # which nobody sees
    _write_map(connection, publication.mapped.method)
    return _settled(connection, publication, removed, changed=changed)


def _write_items(connection: sqlite3.Connection, publication: Publication) -> list[str]:
    """The items that have left."""
    scanned = json.dumps(list(publication.scanned))
    columns = ", ".join(ITEM_FIELDS)
    update = ", ".join(f"{name} = excluded.{name}" for name in ITEM_FIELDS[1:])
    connection.execute(
        f"INSERT INTO items ({columns}) SELECT {columns} FROM job.items "
        "WHERE id IN (SELECT item_id FROM job.occurrences) "
        "AND id NOT IN (SELECT item_id FROM deleted) "
        f"ON CONFLICT (id) DO UPDATE SET {update}"
    )
    connection.execute(
        f"DELETE FROM occurrences WHERE {SCANNED} "
        "AND (source, path) NOT IN (SELECT source, path FROM job.occurrences) "
        f"AND NOT EXISTS ({UNSEEN})",
        (scanned,),
    )
    # what is as it was stays untouched; an item that was deleted meanwhile stays deleted
    connection.execute(
        f"INSERT INTO occurrences ({AT}) SELECT {AT} FROM (SELECT {AT} FROM job.occurrences "
        f"WHERE {SCANNED} EXCEPT SELECT {AT} FROM main.occurrences) "
        "WHERE item_id IN (SELECT id FROM items) "
        "ORDER BY source, path ON CONFLICT (source, path) DO UPDATE SET "
        "item_id = excluded.item_id, caption = excluded.caption, metadata = excluded.metadata",
        (scanned,),
    )
    removed = connection.execute(
        "DELETE FROM items WHERE id NOT IN (SELECT item_id FROM occurrences) RETURNING id"
    )
    return [id_ for (id_,) in removed.fetchall()]


def _write_stamps(connection: sqlite3.Connection) -> None:
    connection.execute(
        "UPDATE occurrences SET stamp = found.stamp FROM job.occurrences AS found "
        "WHERE found.source = occurrences.source AND found.path = occurrences.path "
        "AND found.stamp IS NOT occurrences.stamp"
    )


def _write_failures(connection: sqlite3.Connection, publication: Publication) -> None:
    scanned = json.dumps(list(publication.scanned))
    was = connection.execute(
        f"SELECT source, path, reason FROM failures WHERE {SCANNED} ORDER BY 1, 2, 3", (scanned,)
    ).fetchall()
    now = connection.execute(
        f"SELECT source, path, reason FROM job.failures WHERE {SCANNED} ORDER BY 1, 2, 3",
        (scanned,),
    ).fetchall()
    if was != now:
        connection.execute(f"DELETE FROM failures WHERE {SCANNED}", (scanned,))
        connection.executemany("INSERT INTO failures VALUES (?, ?, ?)", now)


def _write_roots(connection: sqlite3.Connection, roots: Sequence[Root]) -> None:
    connection.executemany(
        "INSERT INTO roots (name, path) VALUES (?, ?) ON CONFLICT (name) "
        "DO UPDATE SET path = excluded.path WHERE path != excluded.path",
        ((root.name, str(root.path)) for root in roots),
    )


def _write_vectors(connection: sqlite3.Connection, publication: Publication) -> None:
    staged = publication.staged
    _replace(
        connection,
        "segments (position, name, rows, bytes, checksum)",
        [(position, *astuple(record)) for position, record in enumerate(staged.segments)],
    )
    _replace(
        connection,
        "indexes (name, rows, bytes, checksum, space, segments, settings)",
        sorted(map(astuple, staged.indexes)),
    )
    record = publication.mapped.record
    _replace(
        connection,
        "layouts (name, rows, bytes, checksum, method, fitted)",
        [] if record is None else [astuple(record)],
    )
    _replace(
        connection,
        "spaces (position, model, revision, dimension)",
        [(position, *astuple(space)) for position, space in enumerate(publication.spaces)],
    )


def _write_map(connection: sqlite3.Connection, method: str) -> None:
    """What was asked for, which the next job goes by."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('map', ?) ON CONFLICT (key) "
        "DO UPDATE SET value = excluded.value WHERE value != excluded.value",
        (method,),
    )


def _replace(
    connection: sqlite3.Connection, table: str, rows: Sequence[tuple[object, ...]]
) -> None:
    """Make these a table's rows, in the order of their first column, where they are not already."""
    name, columns = table.split(" ", 1)
    held = connection.execute(f"SELECT {columns[1:-1]} FROM {name} ORDER BY 1").fetchall()
    if held == list(rows):
        return
    marks = ", ".join("?" * len(columns.split(",")))
    connection.execute(f"DELETE FROM {name}")
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def _settled(
    connection: sqlite3.Connection,
    publication: Publication,
    removed: Sequence[str],
    *,
    changed: bool,
) -> Published:
    """The generation's number; raises CollectionError for rows that do not add up."""
    counts = (f"SELECT count(*) FROM {table}" for table in ("items", "dead", "delta"))
    items, dead, delta = (connection.execute(count).fetchone()[0] for count in counts)
    rows = sum(segment.rows for segment in publication.staged.segments) - dead + delta
    if items != rows:
        raise CollectionError(f"not published: {items} items, but {rows} vectors")
    generation = _write_meta(connection, publication.model, changed=changed)
    return Published(generation, items, len(removed))


def _write_meta(connection: sqlite3.Connection, model: str, *, changed: bool) -> int:
    meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    generation = int(meta.get("generation", 0))
    if not changed and meta.get("model") == model:
        return generation
    now = datetime.now(UTC).isoformat(timespec="seconds")
    values = {
        "generation": generation + 1,
        "model": model,
        "created_at": meta.get("created_at", now),
        "updated_at": now,
        "folded": meta["changes"],
    }
    connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", values.items())
    return generation + 1
