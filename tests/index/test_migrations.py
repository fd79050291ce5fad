import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from index.migrations import FORMAT_VERSION, FormatError, format_version, migrate, upgrade


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield connection


def test_an_empty_database_has_no_format_and_is_left_alone(database: sqlite3.Connection) -> None:
    assert upgrade(database) == 0
    assert database.execute("SELECT * FROM sqlite_master").fetchall() == []


def test_all_steps_lead_to_this_format(database: sqlite3.Connection) -> None:
    migrate(database)
    assert format_version(database) == FORMAT_VERSION == upgrade(database)


def test_migrating_twice_changes_nothing(database: sqlite3.Connection) -> None:
    migrate(database)
    database.execute("INSERT INTO roots VALUES ('a', '/a')")
    migrate(database)
    assert database.execute("SELECT * FROM roots").fetchall() == [("a", "/a")]


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE mine (x)"],
        ["CREATE TABLE meta (key, value)"],
        ["CREATE TABLE meta (key, value)", "INSERT INTO meta VALUES ('format_version', 99)"],
    ],
)
def test_a_foreign_and_a_newer_database_are_refused(
    database: sqlite3.Connection, statements: list[str]
) -> None:
    for statement in statements:
        database.execute(statement)
    for read in (format_version, migrate, upgrade):
        with pytest.raises(FormatError):
            read(database)
