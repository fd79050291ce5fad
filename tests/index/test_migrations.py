import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from index.migrations import (
    FORMAT_VERSION,
    MIGRATIONS,
    FormatError,
    format_version,
    migrate,
    upgrade,
)


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


def of_format(database: sqlite3.Connection, version: int) -> None:
    for step in MIGRATIONS[:version]:
        for statement in step:
            database.execute(statement)
    database.execute("INSERT INTO meta VALUES ('format_version', ?)", (version,))


def occur(database: sqlite3.Connection, path: str, caption: str, metadata: str) -> None:
    database.execute(
        "INSERT OR IGNORE INTO items (id, bytes, width, height, format) "
        "VALUES ('i', 1, 1, 1, 'PNG')"
    )
    database.execute(
        "INSERT INTO occurrences (source, path, item_id, caption, metadata) VALUES (?, ?, ?, ?, ?)",
        ("a", path, "i", caption, metadata),
    )


def facts(database: sqlite3.Connection) -> list[tuple[object, ...]]:
    return database.execute("SELECT field, value FROM facts ORDER BY field, value").fetchall()


def having(database: sqlite3.Connection, words: str) -> list[str]:
    rows = database.execute(
        "SELECT path FROM occurrences WHERE key IN (SELECT rowid FROM words WHERE words MATCH ?)"
        "ORDER BY path",
        (words,),
    )
    return [path for (path,) in rows]


def test_occurrences_of_format_2_are_kept_with_their_facts_and_words(
    database: sqlite3.Connection,
) -> None:
    of_format(database, 2)
    occur(database, "trip/IMG_2041.jpg", "Zo\u00eb swims", '{"stars": 4}')
    assert upgrade(database) == 2
    assert database.execute(
        "SELECT source, path, item_id, caption FROM occurrences"
    ).fetchall() == [("a", "trip/IMG_2041.jpg", "i", "Zo\u00eb swims")]
    assert facts(database) == [("stars", 4)]
    assert having(database, "zoe") == having(database, "2041") == ["trip/IMG_2041.jpg"]


def test_facts_keep_the_type_of_each_scalar_and_leave_the_rest_out(
    database: sqlite3.Connection,
) -> None:
    migrate(database)
    occur(database, "x.jpg", "", '{"a": 1.5, "b": "1.5", "c": true, "d": null, "e": [], "f": {}}')
    assert facts(database) == [("a", 1.5), ("b", "1.5"), ("c", 1)]


def test_each_value_of_a_list_is_a_fact(database: sqlite3.Connection) -> None:
    migrate(database)
    occur(database, "x.jpg", "", '{"tags": ["dog", "snow", "dog", 7, null, [1], {"a": 1}]}')
    assert facts(database) == [("tags", 7), ("tags", "dog"), ("tags", "snow")]
    database.execute("UPDATE occurrences SET metadata = ?", ('{"tags": ["cat"], "n": "[1]"}',))
    assert facts(database) == [("n", "[1]"), ("tags", "cat")]


def test_items_are_added_when_they_are_written_and_those_of_format_3_when_it_was_updated(
    database: sqlite3.Connection,
) -> None:
    of_format(database, 3)
    database.execute("INSERT INTO meta VALUES ('updated_at', '2024-05-01T12:00:00+00:00')")
    add = "INSERT INTO items (id, bytes, width, height, format) VALUES (?, 1, 1, 1, 'PNG')"
    database.execute(add, ("old",))
    upgrade(database)
    database.execute(add, ("new",))
    added = dict(database.execute("SELECT id, added_at FROM items").fetchall())
    assert added["old"] == "2024-05-01T12:00:00+00:00"
    assert abs(datetime.fromisoformat(added["new"]) - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_collection_of_format_5_has_no_layout_yet(database: sqlite3.Connection) -> None:
    of_format(database, 5)
    assert upgrade(database) == 5
    assert database.execute("SELECT * FROM layouts").fetchall() == []


def test_facts_and_words_follow_a_change_and_a_removal(database: sqlite3.Connection) -> None:
    migrate(database)
    occur(database, "x.jpg", "red", '{"n": 1}')
    occur(database, "y.jpg", "green", '{"n": 2}')
    database.execute(
        "UPDATE occurrences SET caption = 'blue', metadata = '{}' WHERE caption = 'red'"
    )
    assert (having(database, "red"), having(database, "blue")) == ([], ["x.jpg"])
    database.execute("DELETE FROM occurrences WHERE caption = 'green'")
    assert (facts(database), having(database, "green")) == ([], [])
