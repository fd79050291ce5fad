"""Ranges of values: what a comparison is, in the order that SQLite keeps.

Numbers stand before texts, and a text never equals a number. Numbers compare as numbers (1 is 1.0),
texts by code point, which is the order of their UTF-8 bytes. An edge lies before or after all that
equals its value, so that every comparison is a range from one edge to another.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

Value = str | int | float

NUMBER, TEXT, BEYOND = 0, 1, 2
PERIOD = re.compile(
    r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}(:[0-9]{2}(:[0-9]{2})?)?)?)?)?", re.ASCII
)
YEAR_START = "0001-01-01T00:00:00"  # completes a year, a month, a day, an hour or a minute
LAST_CHARACTER = "\U0010ffff"
SURROGATES = ("\ud800", "\ue000")  # from, to: no text holds one


class Edge(NamedTuple):
    """Edges compare as their places in the order do."""

    kind: int  # NUMBER, TEXT, or BEYOND all values
    value: Value
    after: bool


@dataclass(frozen=True)
class Range:
    low: Edge
    high: Edge

    def holds(self, value: Value) -> bool:
        return self.low < (kind_of(value), value, True) <= self.high


EVERYTHING = Range(Edge(NUMBER, -math.inf, False), Edge(BEYOND, "", False))
FIRST = {NUMBER: EVERYTHING.low, TEXT: Edge(TEXT, "", False)}
LAST = {NUMBER: Edge(NUMBER, math.inf, True), TEXT: EVERYTHING.high}


def kind_of(value: Value) -> int:
    return TEXT if isinstance(value, str) else NUMBER


def point(value: Value) -> Range:
    kind = kind_of(value)
    return Range(Edge(kind, value, False), Edge(kind, value, True))


def starting(text: str) -> Range:
    """The texts that begin so."""
    head = text.rstrip(LAST_CHARACTER)
    if not head:
        return Range(Edge(TEXT, text, False), LAST[TEXT])
    following = chr(ord(head[-1]) + 1)
    if following == SURROGATES[0]:
        following = SURROGATES[1]
    return Range(Edge(TEXT, text, False), Edge(TEXT, head[:-1] + following, False))


def period(text: str) -> Range:
    """A year, month, day, hour, minute or second of the camera's clock: all that ISO 8601 writes
    within it, whatever the offset. Raises ValueError."""
    if not PERIOD.fullmatch(text):
        raise ValueError("expected YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS, no offset")
    datetime.fromisoformat(text + YEAR_START[len(text) :])
    return starting(text)


def at_least(bound: Range) -> Range:
    return Range(bound.low, LAST[bound.low.kind])


def above(bound: Range) -> Range:
    return Range(bound.high, LAST[bound.low.kind])


def at_most(bound: Range) -> Range:
    return Range(FIRST[bound.low.kind], bound.high)


def below(bound: Range) -> Range:
    return Range(FIRST[bound.low.kind], bound.low)


def united(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same values in rising, separate ranges."""
    merged: list[Range] = []
    for each in sorted(ranges, key=lambda each: each.low):
        if each.low >= each.high:
            continue
        if merged and each.low <= merged[-1].high:
            merged[-1] = Range(merged[-1].low, max(merged[-1].high, each.high))
        else:
            merged.append(each)
    return tuple(merged)


def common(left: Iterable[Range], right: Iterable[Range]) -> tuple[Range, ...]:
    """The values of both."""
    theirs = tuple(right)
    return united(Range(max(a.low, b.low), min(a.high, b.high)) for a in left for b in theirs)
