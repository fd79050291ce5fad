"""A generation's facts in SQLite, in this process's own temporary file: for lists, counts, words.

Milvus has no order, no grouping and no BM25 of ours, so that what it has no query for is answered
from a copy of its rows without their vectors, made when it is first asked for and kept up to date
by the changes that were told since. It takes what the catalogue of a folder takes on the disk (some
1 to 2 KB an item) and 41 bytes an item in memory. A search by vectors needs none of it.
"""

import contextlib
import json
import shutil
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from index.catalogue import ITEM_FIELDS, SqliteCatalogue, connect, reading, sqlite_errors
from index.changes.adding import WAIT_S
from index.changes.delta import Changes
from index.folder import CATALOGUE
from index.gallery import Gallery
from index.migrations import migrate
from index.milvus.generation import Generation
from index.milvus.notes import Journal
from index.milvus.records import Record
from index.segments import Segment, ids_to_rows
from index.vectors.frozen import Held

View = tuple[SqliteCatalogue, Gallery]

COLUMNS = (*ITEM_FIELDS, "added_at")
ITEM = f"INSERT INTO items ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
OCCURRENCE = (
    "INSERT OR IGNORE INTO occurrences (source, path, item_id, caption, metadata) "
    "VALUES (?, ?, ?, ?, ?)"
)


class Mirror:
    """Of one generation; made once, and brought up to date before each look at it."""

    def __init__(self, generation: Generation, journal: Journal) -> None:
        self._generation = generation
        self._journal = journal
        folder = Path(tempfile.mkdtemp(prefix="pictor-mirror-"))
        self._file = folder / CATALOGUE
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._updating = threading.Lock()
        self._gallery: Gallery | None = None
        self._applied = 0  # changes

    def close(self) -> None:
        """Whoever reads it still goes on."""
        self._remove()

    @contextlib.contextmanager
    def seen(self) -> Iterator[View]:
        """All changes up to now are in it; one read transaction, and its ids."""
        with contextlib.ExitStack() as held:
            with self._updating:
                gallery = self._gallery = self._up_to_date(self._gallery)
                connection = held.enter_context(closing(connect(self._file)))
                catalogue = held.enter_context(reading(connection, self._file))
                catalogue.counts()  # the transaction begins with its first read
            yield catalogue, gallery

    def _up_to_date(self, gallery: Gallery | None) -> Gallery:
        latest = self._journal.read().changes
        if gallery is None:
            gallery = self._made()
        elif latest > self._applied:
            gallery = self._changed(gallery, self._journal.since(self._applied), latest)
        self._applied = latest
        return gallery

    def _made(self) -> Gallery:
        self._file.unlink(missing_ok=True)
        ids: list[str] = []
        with self._writing() as connection:
            migrate(connection)
            for records in self._generation.every_record():
                _insert(connection, records)
                ids += [record.item.id for record in records]
        return Gallery(1, (), Held([Segment(ids_to_rows(sorted(ids)), ())], []))

    def _changed(self, gallery: Gallery, ids: list[str], number: int) -> Gallery:
        records = self._generation.records(ids)
        with self._writing() as connection:
            marks = [(id_,) for id_ in ids]
            connection.executemany("DELETE FROM occurrences WHERE item_id = ?", marks)
            connection.executemany("DELETE FROM items WHERE id = ?", marks)
            _insert(connection, records.values())
        known = dict(zip(ids, (gallery.rows_of(ids) >= 0).tolist(), strict=True))
        added = [id_ for id_ in records if not known[id_]]
        changes = Changes(
            number,
            added=Segment(ids_to_rows(added), ()),
            deleted=tuple(id_ for id_ in ids if id_ not in records),
            touched=tuple(id_ for id_ in records if known[id_]),
        )
        return gallery.after(changes)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with sqlite_errors(self._file), closing(sqlite3.connect(self._file)) as connection:
            connection.isolation_level = None
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")  # it is made anew by each process
            connection.execute(f"PRAGMA busy_timeout = {round(1000 * WAIT_S)}")
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")


def _insert(connection: sqlite3.Connection, records: Iterable[Record]) -> None:
    for record in records:
        item = record.item
        values = [*(getattr(item, name) for name in ITEM_FIELDS), record.added_at]
        connection.execute(ITEM, values)
        connection.executemany(
            OCCURRENCE,
            [
                (
                    at.source,
                    at.path,
                    item.id,
                    at.caption,
                    json.dumps(at.metadata, ensure_ascii=False),
                )
                for at in item.occurrences
            ],
        )
