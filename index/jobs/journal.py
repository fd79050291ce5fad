"""What a running job has finished: a database of its own, in the staging folder.

Readings, items and their vectors count from their checkpoint on, which is one transaction behind
a durable part file: a job that was killed loses what came after its last checkpoint, and the next
one of the same spaces goes on from there. The occurrences and failures are those of one run, which
walks the sources anew; publishing reads them from here, so that a job's memory does not grow with
its sources. Safe to call from several threads.
"""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from index.catalogue import ITEM_FIELDS, sqlite_errors
from index.found import FoundImage
from index.items import Failure, Item
from index.segments import SegmentRecord
from index.sourcing.vectors import FoundVector
from models.space import Space

SCHEMA = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    # files whose stamp tells their content without reading them
    """CREATE TABLE readings (
        source TEXT, path TEXT, stamp TEXT NOT NULL, item_id TEXT NOT NULL,
        PRIMARY KEY (source, path)
    ) WITHOUT ROWID""",
    f"CREATE TABLE items ({', '.join(ITEM_FIELDS)}, part TEXT, PRIMARY KEY (id)) WITHOUT ROWID",
    """CREATE TABLE parts (
        name TEXT PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, checksum TEXT NOT NULL
    )""",
    """CREATE TABLE occurrences (
        source TEXT NOT NULL, path TEXT NOT NULL, item_id TEXT NOT NULL,
        caption TEXT, metadata TEXT NOT NULL, stamp TEXT, PRIMARY KEY (source, path)
    ) WITHOUT ROWID""",
    "CREATE INDEX occurrences_of_item ON occurrences (item_id)",
    "CREATE TABLE failures (source TEXT NOT NULL, path TEXT NOT NULL, reason TEXT NOT NULL)",
    "CREATE TABLE refused (item_id TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID",
)
OF_ONE_RUN = ("occurrences", "failures", "refused")


class Journal:
    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self.file = file
        self._connection = connection
        self._one_at_a_time = threading.RLock()

    @classmethod
    def open(cls, file: Path, spaces: Sequence[Space]) -> "Journal | None":
        """The journal in that file, which a killed job has left, or a new one; None for one that
        is of other spaces, or damaged."""
        wanted = json.dumps([astuple(space)[1:] for space in spaces])
        with sqlite_errors(file):
            connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            _create(connection, wanted)
            (found,) = connection.execute("SELECT value FROM meta WHERE key = 'spaces'").fetchone()
        except (sqlite3.DatabaseError, TypeError):
            found = None
        if found != wanted:
            connection.close()
            return None
        return cls(connection, file)

    def begin(self, sound: Collection[str]) -> None:
        """Start a run: forget what the last one walked, and parts that are not among the sound."""
        self._execute("BEGIN")
        for table in OF_ONE_RUN:
            self._execute(f"DELETE FROM {table}")
        lost = [(record.name,) for record in self.parts() if record.name not in sound]
        self._execute_many("DELETE FROM items WHERE part = ?", lost)
        self._execute_many("DELETE FROM parts WHERE name = ?", lost)

    def checkpoint(self, part: SegmentRecord | None) -> None:
        """Durable when it returns; `part` holds the vectors of all items since the last one."""
        if part is not None:
            self._execute("INSERT INTO parts VALUES (?, ?, ?, ?)", astuple(part))
            self._execute("UPDATE items SET part = ? WHERE part IS NULL", (part.name,))
        self._execute("COMMIT")
        self._execute("BEGIN")

    def end(self) -> None:
        """Settle the run: a content that will not do is a failure of each of its files."""
        self._execute(
            "INSERT INTO failures SELECT source, path, reason FROM occurrences JOIN refused "
            "USING (item_id) ORDER BY source, path"
        )
        self._execute("DELETE FROM occurrences WHERE item_id IN (SELECT item_id FROM refused)")
        self._execute("COMMIT")

    def close(self) -> None:
        with sqlite_errors(self.file):
            self._connection.close()

    def add_occurrence(self, found: FoundImage | FoundVector, item: str) -> None:
        metadata = json.dumps(found.metadata, ensure_ascii=False)
        values = (found.source, found.path, item, found.caption, metadata, found.stamp)
        self._execute("INSERT OR REPLACE INTO occurrences VALUES (?, ?, ?, ?, ?, ?)", values)
        if found.stamp is not None:
            reading = (found.source, found.path, found.stamp, item)
            self._execute("INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?)", reading)

    def add_item(self, item: Item) -> None:
        values = [getattr(item, name) for name in ITEM_FIELDS]
        marks = ", ".join("?" * len(values))
        self._execute(f"INSERT OR REPLACE INTO items VALUES ({marks}, NULL)", values)

    def add_failure(self, failure: Failure) -> None:
        self._execute("INSERT INTO failures VALUES (?, ?, ?)", astuple(failure))

    def refuse(self, item: str, reason: str) -> None:
        self._execute("INSERT OR REPLACE INTO refused VALUES (?, ?)", (item, reason))
        self._execute("DELETE FROM items WHERE id = ?", (item,))

    def holds(self, item: str) -> bool:
        """Whether this job, or one that was killed before it, has taken that content."""
        statement = (
            "SELECT EXISTS (SELECT 1 FROM items WHERE id = ?1) "
            "OR EXISTS (SELECT 1 FROM refused WHERE item_id = ?1)"
        )
        return bool(self._execute(statement, (item,))[0][0])

    def reading(self, found: FoundImage) -> str | None:
        """The item that a file with this stamp is known to hold."""
        rows = self._execute(
            "SELECT item_id FROM readings WHERE source = ? AND path = ? AND stamp = ?",
            (found.source, found.path, found.stamp),
        )
        return str(rows[0][0]) if rows else None

    def parts(self) -> tuple[SegmentRecord, ...]:
        rows = self._execute("SELECT name, rows, bytes, checksum FROM parts ORDER BY rowid")
        return tuple(SegmentRecord(*row) for row in rows)

    def items_of(self, part: str) -> set[str]:
        """The items of a part that occur in this run."""
        rows = self._execute(
            "SELECT id FROM items WHERE part = ? AND id IN (SELECT item_id FROM occurrences)",
            (part,),
        )
        return {id_ for (id_,) in rows}

    def forget(self, items: Iterator[str]) -> None:
        """Items that need not be made here, since the collection has them."""
        self._execute_many("DELETE FROM items WHERE id = ?", ((id_,) for id_ in items))

    def item_ids(self) -> list[str]:
        return [id_ for (id_,) in self._execute("SELECT id FROM items")]

    def captions(self, count: int) -> list[str]:
        """At most so many different captions of this run, drawn evenly."""
        rows = self._execute(
            "SELECT caption FROM (SELECT DISTINCT caption FROM occurrences "
            "WHERE caption IS NOT NULL) ORDER BY random() LIMIT ?",
            (count,),
        )
        return [caption for (caption,) in rows]

    def occurrences(self) -> int:
        return int(self._execute("SELECT count(*) FROM occurrences")[0][0])

    def failures(self) -> list[Failure]:
        return [Failure(*row) for row in self._execute("SELECT * FROM failures")]

    def _execute(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._one_at_a_time, sqlite_errors(self.file):
            return self._connection.execute(statement, values).fetchall()

    def _execute_many(self, statement: str, rows: Any) -> None:  # noqa: ANN401
        with self._one_at_a_time, sqlite_errors(self.file):
            self._connection.executemany(statement, rows)


def _create(connection: sqlite3.Connection, spaces: str) -> None:
    with contextlib.closing(connection.execute("SELECT count(*) FROM sqlite_master")) as tables:
        if tables.fetchone()[0]:
            return
    connection.execute("BEGIN")
    for statement in SCHEMA:
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('spaces', ?)", (spaces,))
    connection.execute("COMMIT")
