"""Where the catalogue keeps what may be filtered by, and the three questions asked of it.

`facts_in`: which items have a value in a range (asked of an index of SQLite's, where the field has
one); `facts_of`: the values of given items; `facts_in_order`: every value, in order. An item with
several occurrences may have several values of a field, and the same one more than once.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from index.filtering.filters import METADATA
from index.filtering.ranges import EVERYTHING, Range, Value


class Database(Protocol):
    def rows(self, statement: str, values: Sequence[Any] = ()) -> Iterable[tuple[Any, ...]]:
        """Of one read transaction; failures come out as CollectionError."""
        ...


@dataclass(frozen=True)
class Place:
    """A column of a table; where that table holds other fields too, `name` is this one's."""

    value: str
    item: str
    tables: str
    lookup: str | None  # the tables where an index finds values in a range; None without one
    among: str  # the tables, from the items that are asked for
    name: str | None = None

    @property
    def indexed(self) -> bool:
        return self.lookup is not None

    @property
    def given(self) -> tuple[str, ...]:
        return () if self.name is None else (self.name,)

    @property
    def condition(self) -> str:
        """That there is a value of this field; `given` are its parameters."""
        named = "" if self.name is None else "f.field = ? AND "
        return f"{named}{self.value} IS NOT NULL"


# CROSS JOIN keeps SQLite to the order that is written
ASKED = "json_each(?) AS asked CROSS JOIN"
OCCURRENCES = "occurrences AS o"
OCCURRENCES_OF = f"{ASKED} {OCCURRENCES} ON o.item_id = asked.value"
# the index of paths is within each source; there are few
BY_SOURCE = f"""(
    WITH RECURSIVE known (name) AS (
        SELECT min(source) FROM occurrences UNION ALL
        SELECT (SELECT min(source) FROM occurrences WHERE source > known.name)
        FROM known WHERE known.name IS NOT NULL
    ) SELECT name FROM known WHERE name IS NOT NULL
) AS each CROSS JOIN {OCCURRENCES} ON o.source = each.name"""


def _of_item(column: str, *, indexed: bool) -> Place:
    table = "items AS i"
    among = f"{ASKED} {table} ON i.id = asked.value"
    return Place(f"i.{column}", "i.id", table, table if indexed else None, among)


def _of_occurrence(column: str, lookup: str | None) -> Place:
    return Place(f"o.{column}", "o.item_id", OCCURRENCES, lookup, OCCURRENCES_OF)


PLACES = {
    **{
        name: _of_item(name, indexed=True)
        for name in ("taken_at", "added_at", "camera", "latitude", "longitude", "width", "height")
    },
    **{name: _of_item(name, indexed=False) for name in ("bytes", "format")},
    "source": _of_occurrence("source", OCCURRENCES),
    "path": _of_occurrence("path", BY_SOURCE),
    "caption": _of_occurrence("caption", None),
}


def place_of(field: str) -> Place:
    if field in PLACES:
        return PLACES[field]
    among = f"{OCCURRENCES_OF} CROSS JOIN facts AS f ON f.occurrence = o.key"
    name = field.removeprefix(METADATA)
    return Place("f.value", "f.item_id", "facts AS f", "facts AS f", among, name)


def facts_in(database: Database, field: str, range_: Range, most: int) -> list[str]:
    """The ids of at most so many values in the range."""
    place = place_of(field)
    conditions, bounds = within(place.value, range_)
    wanted = " AND ".join([place.condition, *conditions])
    statement = f"SELECT {place.item} FROM {place.lookup or place.tables} WHERE {wanted} LIMIT ?"
    return [id_ for (id_,) in database.rows(statement, (*place.given, *bounds, most))]


def facts_of(database: Database, field: str, ids: Iterable[str]) -> Iterable[tuple[str, Value]]:
    """(id, value) of these items, in no order."""
    place = place_of(field)
    statement = f"SELECT {place.item}, {place.value} FROM {place.among} WHERE {place.condition}"
    return database.rows(statement, (json.dumps(list(ids)), *place.given))


def facts_in_order(database: Database, field: str) -> Iterable[tuple[Value, str]]:
    """(value, id) of all items, in order of the values."""
    place = place_of(field)
    statement = (
        f"SELECT {place.value}, {place.item} FROM {place.tables} "
        f"WHERE {place.condition} ORDER BY {place.value}"
    )
    return database.rows(statement, place.given)


def within(value: str, range_: Range) -> tuple[list[str], list[Value]]:
    """Conditions on a value, and their parameters."""
    low, high = range_.low, range_.high
    conditions: list[str] = []
    bounds: list[Value] = []
    # SQLite would make a text of a number that it compares with a column of texts
    if low != EVERYTHING.low:
        conditions.append(f"{value} {'>' if low.after else '>='} ?")
        bounds.append(low.value)
    if high != EVERYTHING.high:
        conditions.append(f"{value} {'<=' if high.after else '<'} ?")
        bounds.append(high.value)
    return conditions, bounds
