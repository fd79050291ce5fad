"""What keeps a collection from being written is told by its kind."""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from index.changes.unwritable import changing
from models.errors import CollectionError, LockedError, NoRoomError, ReadOnlyError


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "x.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
    return tmp_path / "x.sqlite"


def test_a_database_that_is_full_has_no_room(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA max_page_count = 3")
        with pytest.raises(NoRoomError), changing(database):
            connection.execute("INSERT INTO t VALUES (zeroblob(1000000))")


def test_a_database_that_may_only_be_read_is_read_only(database: Path) -> None:
    with (
        closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection,
        pytest.raises(ReadOnlyError),
        changing(database),
    ):
        connection.execute("INSERT INTO t VALUES (1)")


def test_a_database_that_another_writes_is_locked(database: Path) -> None:
    with (
        closing(sqlite3.connect(database, isolation_level=None)) as first,
        closing(sqlite3.connect(database, isolation_level=None, timeout=0.01)) as second,
    ):
        first.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockedError), changing(database):
            second.execute("BEGIN IMMEDIATE")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, NoRoomError),
        (errno.EDQUOT, NoRoomError),
        (errno.EROFS, ReadOnlyError),
        (errno.EACCES, ReadOnlyError),
        (errno.EIO, CollectionError),
    ],
)
def test_a_systems_failure_is_told_by_its_number(
    tmp_path: Path, number: int, kind: type[CollectionError]
) -> None:
    with pytest.raises(kind, match=os.strerror(number)) as raised, changing(tmp_path):
        raise OSError(number, os.strerror(number))
    assert type(raised.value) is kind
