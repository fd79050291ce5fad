"""Which bytes of a file a request wants; RFC 9110, sections 13 and 14.

One range is given, as 206; where several are asked for, the whole is, which the RFC allows. A range
goes with If-Range only while that names the very file. Dates say nothing here: a file's tag does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
TAG = re.compile(r'(?:W/)?("[^"]*")')


class UnsatisfiableError(Exception):
    """The range lies outside of the file."""


@dataclass(frozen=True)
class Span:
    first: int
    last: int  # the last byte itself

    @property
    def count(self) -> int:
        return self.last - self.first + 1


def span_of(headers: Mapping[str, str], size: int, tag: str) -> Span | None:
    """None for the whole file; raises UnsatisfiableError."""
    found = ONE_RANGE.fullmatch(headers.get("range", "").strip().lower())
    if found is None or headers.get("if-range", tag).strip() != tag:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        begin, end = max(0, size - int(last)), size - 1
    else:
        begin, end = int(first), min(int(last or size), size - 1)
        if last and int(last) < begin:
            return None  # which is no range at all
    if begin > end:
        raise UnsatisfiableError
    return Span(begin, end)


def matches(header: str, tag: str, *, weakly: bool) -> bool:
    """Whether one of the header's tags is this strong one; or a * stands for all of them."""
    if header.strip() == "*":
        return True
    if weakly:
        return tag in TAG.findall(header)
    return tag in [each.strip() for each in header.split(",")]
