"""What a search is restricted to: JSON to a frozen `Filter`, or one plain line about what is wrong.

`{"and": [...]}`, `{"or": [...]}`, `{"not": {...}}`, and `{"field": NAME}` with one or more of `eq,
in, gt, gte, lt, lte, prefix, exists`, which one value must satisfy together. docs/filters.md lists
the fields, and says what comparing means.

parse(content) raises FilterError, which says where; nothing of what was asked for is ignored.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from index.filtering.ranges import (
    EVERYTHING,
    Range,
    Value,
    above,
    at_least,
    at_most,
    below,
    common,
    period,
    point,
    starting,
    united,
)
from models.errors import InputError

MAX_DEPTH = 16
MAX_CONDITIONS = 100
MAX_VALUES = 1_000  # of all `in` together
MAX_CHARACTERS = 4_000
DIGEST_HEX = 16
INT64 = 2**63

METADATA = "metadata."
TIMES = frozenset({"taken_at", "added_at"})
TEXTS = frozenset({"source", "path", "caption", "camera", "format"}) | TIMES
NUMBERS = frozenset({"latitude", "longitude", "width", "height", "bytes"})

Location = tuple[str | int, ...]


class FilterError(InputError):
    """A filter that means nothing; `location` leads to the part of it that is at fault."""

    def __init__(self, location: Location, reason: str) -> None:
        super().__init__(f"{'.'.join(map(str, ('filter', *location)))}: {reason}")
        self.location = location
        self.reason = reason


@dataclass(frozen=True)
class Condition:
    """One value of the field lies in one of the ranges, which rise and are separate."""

    field: str  # a built-in one, or metadata.NAME
    ranges: tuple[Range, ...]


@dataclass(frozen=True)
class And:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Or:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Not:
    part: "Node"


Node = Condition | And | Or | Not


@dataclass(frozen=True)
class Filter:
    root: Node

    @property
    def digest(self) -> str:
        """Another one for another filter."""
        return hashlib.sha256(repr(self.root).encode()).hexdigest()[:DIGEST_HEX]


def parse(content: object) -> Filter:
    return Filter(_Reader().node(content, ()))


class _Reader:
    """Of one filter: what it counts is bounded."""

    def __init__(self) -> None:
        self._conditions = 0
        self._values = 0

    def node(self, content: object, at: Location, depth: int = 1) -> Node:
        if not isinstance(content, dict):
            raise FilterError(at, f"expected an object, got {_kind(content)}")
        if depth > MAX_DEPTH:
            raise FilterError(at, f"nested deeper than {MAX_DEPTH}")
        if "field" in content:
            return self._condition(content, at)
        if len(content) != 1 or next(iter(content)) not in ("and", "or", "not"):
            raise FilterError(at, "expected one of and, or, not, or a field with its operators")
        ((name, inner),) = content.items()
        if name == "not":
            return Not(self.node(inner, (*at, name), depth + 1))
        parts = tuple(
            self.node(part, (*at, name, number), depth + 1)
            for number, part in enumerate(_list(inner, (*at, name)))
        )
        return And(parts) if name == "and" else Or(parts)

    def _condition(self, content: dict[str, object], at: Location) -> Node:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise FilterError(at, f"more than {MAX_CONDITIONS} conditions")
        field = field_of(content["field"], (*at, "field"))
        operators = {name: value for name, value in content.items() if name != "field"}
        for name in operators:
            if name not in OPERATORS:
                raise FilterError(at, f"{name[:40]!r} is none of {', '.join(OPERATORS)}")
        if not operators:
            raise FilterError(at, "expected an operator beside the field")
        if "exists" in operators and not _truth(operators["exists"], (*at, "exists")):
            if len(operators) > 1:
                raise FilterError((*at, "exists"), "false, beside operators that want a value")
            return Not(Condition(field, (EVERYTHING,)))
        ranges: tuple[Range, ...] = (EVERYTHING,)
        for name, value in operators.items():
            ranges = common(ranges, self._ranges(field, name, value, (*at, name)))
        return Condition(field, ranges)

    def _ranges(self, field: str, operator: str, value: object, at: Location) -> Sequence[Range]:
        if operator == "exists":
            return (EVERYTHING,)
        if operator == "prefix":
            return (starting(_text(value, at, field)),)
        if operator != "in":
            return (COMPARISONS[operator](_bound(field, value, at)),)
        values = _list(value, at)
        self._values += len(values)
        if self._values > MAX_VALUES:
            raise FilterError(at, f"more than {MAX_VALUES} values in all")
        return united(_bound(field, each, (*at, number)) for number, each in enumerate(values))


def _same(bound: Range) -> Range:
    return bound


COMPARISONS: dict[str, Callable[[Range], Range]] = {
    "eq": _same,
    "gt": above,
    "gte": at_least,
    "lt": below,
    "lte": at_most,
}
OPERATORS = (*COMPARISONS, "in", "prefix", "exists")


def field_of(name: object, at: Location = ("field",)) -> str:
    """A built-in field, or metadata.NAME."""
    if not isinstance(name, str) or not name:
        raise FilterError(at, "expected a field's name")
    if name in TEXTS | NUMBERS:
        return name
    known = name.removeprefix(METADATA)
    if not known:
        raise FilterError(at, "expected a name after 'metadata.'")
    return METADATA + _sound(known, at)


def _bound(field: str, value: object, at: Location) -> Range:
    """What `eq` this value means, which the other comparisons stand beside."""
    if field in TEXTS:
        text = _text(value, at, field)
        return _period(text, at) if field in TIMES else point(text)
    if field in NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise FilterError(at, f"expected a number, got {_kind(value)}")
    return point(_value(value, at))


def _period(text: str, at: Location) -> Range:
    try:
        return period(text)
    except ValueError as error:
        raise FilterError(at, f"{text[:40]!r} is no date: {error}") from error


def _text(value: object, at: Location, field: str) -> str:
    if field in NUMBERS:
        raise FilterError(at, f"{field} is a number, and has no beginning")
    if not isinstance(value, str):
        raise FilterError(at, f"expected a text, got {_kind(value)}")
    return _sound(value, at)


def _value(value: object, at: Location) -> Value:
    if isinstance(value, str):
        return _sound(value, at)
    if not isinstance(value, int | float):
        raise FilterError(at, f"expected a text, a number or a truth value, got {_kind(value)}")
    try:
        # SQLite holds truth as 1 and 0, and an integer beyond 64 bits as the nearest float
        number = int(value) if isinstance(value, bool) or _fits(value) else float(value)
    except OverflowError as error:
        raise FilterError(at, "number out of range") from error
    if not math.isfinite(number):
        raise FilterError(at, "number out of range")
    return number


def _fits(value: int | float) -> bool:
    return isinstance(value, int) and -INT64 <= value < INT64


def _sound(text: str, at: Location) -> str:
    if len(text) > MAX_CHARACTERS:
        raise FilterError(at, f"longer than {MAX_CHARACTERS} characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FilterError(at, "holds half of a character") from error
    return text


def _truth(value: object, at: Location) -> bool:
    if not isinstance(value, bool):
        raise FilterError(at, f"expected true or false, got {_kind(value)}")
    return value


def _list(value: object, at: Location) -> list[object]:
    if not isinstance(value, list) or not value:
        raise FilterError(at, "expected a list of one or more")
    return value


def _kind(value: object) -> str:
    names: dict[type, str] = {
        bool: "a truth value",
        str: "a text",
        list: "a list",
        dict: "an object",
        type(None): "null",
    }
    return names.get(type(value), "a number")
