"""How many items have each value of a field, under a filter.

    a date              by year, month or day of its own clock
    path                by folder: those right below a prefix, each with all that lies below it
    a number, with step by range: from n * step up to, but without, (n + 1) * step
    any other field     by value, as SQLite compares (1 is 1.0, true is 1)

An item counts once for each value that any of its occurrences has. The most frequent values are
told, and how many others there are; dates and ranges then in their order, others most frequent
first. Each comes with the filter that finds just its items.

Raises InputError for what does not fit the field, FilterError for a name that is none.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

from index.filtering.facts import Database, Place, place_of, within
from index.filtering.filters import TEXTS, TIMES, Filter, field_of
from index.filtering.matching import Selection
from index.filtering.ranges import Value, starting
from index.gallery import Gallery
from models.errors import InputError

MAX_LIMIT = 1_000
PERIODS = {"year": 4, "month": 7, "day": 10}  # characters of an ISO 8601 date
FOLDERS = "path"
MOST_STEPS = 2**53  # from 0: further ones have no number of their own


@dataclass(frozen=True)
class Counting:
    """What is counted; a date is by year unless it says otherwise."""

    field: str
    period: str | None = None
    step: float | None = None
    prefix: str | None = None
    limit: int = 20
    where: Filter | None = None

    def __post_init__(self) -> None:
        if self.period is not None and (self.period not in PERIODS or self.name not in TIMES):
            raise InputError(f"by: {self.period!r} is for dates: year, month or day")
        if self.step is not None and (self.name in TEXTS or not 0 < self.step < float("inf")):
            raise InputError("by: a step is a number above 0, and for numbers")
        if self.prefix is not None and self.name != FOLDERS:
            raise InputError(f"prefix: is for the field {FOLDERS}, whose folders it leads to")
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InputError(f"limit is {self.limit}, expected 1 to {MAX_LIMIT}")

    @property
    def name(self) -> str:
        return field_of(self.field)


@dataclass(frozen=True)
class ValueCount:
    value: Value
    count: int
    where: dict[str, Any]  # a filter, as JSON


@dataclass(frozen=True)
class Facets:
    values: tuple[ValueCount, ...]
    other_values: int
    items: int  # that satisfy the filter, whatever they have


@dataclass(frozen=True)
class Buckets:
    """SQL for what is counted together, and which values count at all."""

    expression: str
    condition: str = "TRUE"
    given: tuple[Value, ...] = ()


def facets(
    database: Database, gallery: Gallery, counting: Counting, selection: Selection | None
) -> Facets:
    """Of a transaction and its gallery; `selection` is what the counting's filter selects."""
    place = place_of(counting.name)
    buckets = _buckets(counting, place.value)
    # an index leads to the paths below a prefix
    tables = (place.lookup if counting.prefix else None) or place.tables
    given: tuple[str, ...] = ()
    if selection is not None:
        tables, given = place.among, (json.dumps(gallery.ids(selection.rows)),)
    statement = (
        f"SELECT {buckets.expression} AS bucket, {_items(place)} AS items, count(*) OVER () "
        f"FROM {tables} WHERE {place.condition} AND {buckets.condition} "
        "GROUP BY bucket ORDER BY items DESC, bucket LIMIT ?"
    )
    values = (*given, *place.given, *buckets.given, counting.limit)
    rows = list(database.rows(statement, values))
    in_order = counting.name in TIMES or counting.step is not None
    found = sorted(rows) if in_order else rows
    return Facets(
        tuple(_counted(counting, value, count) for value, count, _ in found),
        other_values=rows[0][2] - len(rows) if rows else 0,
        items=gallery.count if selection is None else len(selection),
    )


def _items(place: Place) -> str:
    """A table of items has each once."""
    return "count(*)" if place.item.startswith("i.") else f"count(DISTINCT {place.item})"


def _buckets(counting: Counting, value: str) -> Buckets:
    if counting.name in TIMES:
        return Buckets(f"substr({value}, 1, {PERIODS[counting.period or 'year']})")
    if counting.name == FOLDERS:
        return _folders(counting.prefix or "", value)
    if counting.step is None:
        return Buckets(value)
    # the quotient is rounded; the edges are what they are multiplied to, as in the filter
    step = repr(float(counting.step))
    number = f"CAST({value} / {step} AS INTEGER)"
    exact = f"{number} + ({value} >= ({number} + 1) * {step}) - ({value} < {number} * {step})"
    countable = f"abs({value} / {step}) < {MOST_STEPS}"
    return Buckets(exact, f"typeof({value}) != 'text' AND {countable}")


def _folders(prefix: str, value: str) -> Buckets:
    """Up to the next slash after the prefix, and to the second of two as in an address."""
    conditions, given = within(value, starting(prefix)) if prefix else ([], [])
    rest = f"substr({value}, {len(prefix) + 1})"
    end = f"instr({rest}, '/')"
    end = f"({end} + (substr({rest}, {end} + 1, 1) = '/'))"
    conditions = [*conditions, f"instr({rest}, '/') > 0"]
    expression = f"substr({value}, 1, {len(prefix)} + {end})"
    return Buckets(expression, " AND ".join(conditions), tuple(given))


def _counted(counting: Counting, value: Value, count: int) -> ValueCount:
    field: dict[str, Any] = {"field": counting.field}
    if counting.name == FOLDERS:
        return ValueCount(value, count, field | {"prefix": value})
    if counting.step is None or isinstance(value, str):
        return ValueCount(value, count, field | {"eq": value})
    low, high = value * counting.step, (value + 1) * counting.step
    below = {"lt": high} if math.isfinite(high) else {}
    return ValueCount(low, count, field | {"gte": low} | below)
