"""Columns in memory: of a field, the gallery's rows in order of their values.

A range of values is then a slice of rows, however many there are. The values stay in SQLite: a
column remembers one in every MARK_EVERY, and those that are as common, and asks for the few between
two of them. So it takes 4 bytes a value and little more, whatever their type, and is exact.

A column is of the items of segments whose facts are as they were when the generation was published.
Of the others, those that were added or changed since, the values themselves are in order in memory,
made anew for each state of the collection in which they are asked for.
"""

import bisect
import threading
from array import array
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from index.filtering.facts import Database, facts_in_order, facts_of
from index.filtering.ranges import Edge, Range, Value, kind_of
from index.gallery import NO_ROWS, Gallery, Mask, Rows

MARK_EVERY = 32
BATCH = 65_536
BUDGET_BYTES = 256 * 2**20  # of the columns of one generation together
MARK_BYTES = 200  # of a mark, about, besides its text

Entries = NDArray[np.int32]


@dataclass
class Marks:
    """Some of a column's values, rising, each with the first of its entries and where they end."""

    edges: list[Edge] = field(default_factory=list)
    firsts: "array[int]" = field(default_factory=lambda: array("q"))
    ends: "array[int]" = field(default_factory=lambda: array("q"))
    due: int = 0  # the next value is kept that begins here or later
    bytes: int = 0

    def add(self, value: Value, first: int, end: int) -> None:
        self.edges.append(Edge(kind_of(value), value, False))
        self.firsts.append(first)
        self.ends.append(end)
        self.due = end + MARK_EVERY
        self.bytes += MARK_BYTES + (len(value) if isinstance(value, str) else 0)


@dataclass(frozen=True)
class Column:
    name: str
    rows: Entries  # (m,), by value; an item with several values is there several times
    marks: Marks
    left_out: Rows = field(default_factory=lambda: NO_ROWS)  # of segments, rising

    @classmethod
    def make(cls, name: str, database: Database, gallery: Gallery) -> "Column":
        marks, parts = Marks(), [np.empty(0, np.int32)]
        value: Value | None = None
        first = end = 0
        for values, rows in _batches(facts_in_order(database, name), gallery, unchanged(gallery)):
            parts.append(rows)
            for each in values:
                if each != value:
                    if value is not None and (first >= marks.due or end - first >= MARK_EVERY):
                        marks.add(value, first, end)
                    value, first = each, end
                end += 1
        if value is not None:
            marks.add(value, first, end)
        return cls(name, np.concatenate(parts), marks, gallery.touched)

    def without(self, changed: Rows, published: int) -> "Column":
        """Less the entries of these rows, of so many that are of segments."""
        leaving = np.zeros(published, np.bool_)
        leaving[changed] = True
        leaves = leaving[self.rows]
        before = np.concatenate([[0], np.cumsum(leaves)])  # how many leave before each entry
        firsts, ends = (np.asarray(each, np.int64) for each in (self.marks.firsts, self.marks.ends))
        marks = Marks(
            self.marks.edges,
            array("q", (firsts - before[firsts]).tolist()),
            array("q", (ends - before[ends]).tolist()),
            bytes=self.marks.bytes,
        )
        return Column(self.name, self.rows[~leaves], marks, np.union1d(self.left_out, changed))

    @property
    def bytes(self) -> int:
        return self.rows.nbytes + self.marks.bytes

    def slices(
        self, ranges: Iterable[Range], database: Database, gallery: Gallery
    ) -> list[Entries]:
        """The rows in each of these ranges, in order of their values."""
        edges = [edge for each in ranges for edge in (each.low, each.high)]
        places = [bisect.bisect_right(self.marks.edges, edge) - 1 for edge in edges]
        between = {
            place
            for edge, place in zip(edges, places, strict=True)
            if place >= 0 and edge[:2] != self.marks.edges[place][:2]
        }
        values = self._values_after(between, database, gallery) if between else []
        ends = [self._entries_before(*each, values) for each in zip(edges, places, strict=True)]
        return [self.rows[first:end] for first, end in zip(ends[::2], ends[1::2], strict=True)]

    def _values_after(self, places: set[int], database: Database, gallery: Gallery) -> list[Edge]:
        """All values between these marks and the next ones, as often as they are there, rising;
        between others, some."""
        marks = self.marks
        nexts = (marks.firsts[at + 1 : at + 2] or [len(self.rows)] for at in places)
        parts = [
            self.rows[marks.ends[at] : following]
            for at, (following,) in zip(places, nexts, strict=True)
        ]
        ids = gallery.ids(np.unique(np.concatenate(parts)).astype(np.int64))
        facts = facts_of(database, self.name, ids)
        return sorted(Edge(kind_of(value), value, False) for _, value in facts)

    def _entries_before(self, edge: Edge, place: int, values: Sequence[Edge]) -> int:
        """How many; `place` is that of the last mark which is not behind the edge."""
        if place < 0:
            return 0
        mark = self.marks.edges[place]
        if edge == mark:
            return self.marks.firsts[place]
        passed = bisect.bisect_left(values, mark._replace(after=True))
        return self.marks.ends[place] + bisect.bisect_left(values, edge) - passed


@dataclass(frozen=True)
class Fresh:
    """All values of a field that some rows have, rising."""

    edges: list[Edge]
    rows: Entries  # (m,), in their order

    @classmethod
    def make(cls, name: str, database: Database, gallery: Gallery, rows: Rows) -> "Fresh":
        found = facts_of(database, name, gallery.ids(rows)) if len(rows) else ()
        facts = [(Edge(kind_of(value), value, False), id_) for id_, value in found]
        facts.sort()
        held = gallery.rows_of([id_ for _, id_ in facts])
        return cls([edge for edge, _ in facts], held.astype(np.int32))

    def slices(self, ranges: Iterable[Range]) -> list[Entries]:
        """The rows in each of these ranges."""
        ends = ((bisect.bisect_left(self.edges, each) for each in (r.low, r.high)) for r in ranges)
        return [self.rows[first:end] for first, end in ends]


def unchanged(gallery: Gallery) -> Mask:
    """(rows of segments,): those whose facts are as they were published."""
    mask = np.ones(gallery.published, np.bool_)
    mask[gallery.touched] = False
    return mask


def _batches(
    facts: Iterable[tuple[Value, str]], gallery: Gallery, wanted: Mask
) -> Iterator[tuple[list[Value], Entries]]:
    """Values and their rows, in order, of the wanted rows; `wanted` is of the first ones."""
    coming = iter(facts)
    while batch := list(islice(coming, BATCH)):
        rows = gallery.rows_of([id_ for _, id_ in batch])
        held = (rows >= 0) & (rows < len(wanted))
        held[held] = wanted[rows[held]]
        values = [value for (value, _), here in zip(batch, held.tolist(), strict=True) if here]
        yield values, rows[held].astype(np.int32)


class Columns:
    """Those of one generation, each made once; what was wanted least recently leaves where they
    take too much together."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._held: OrderedDict[str, Column] = OrderedDict()
        self._holding = threading.Lock()
        self._making: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._read: Counter[str] = Counter()

    def count_read(self, name: str, facts: int) -> int:
        """How many facts were read of a field, these included, for want of its column."""
        with self._holding:
            self._read[name] += facts
            return self._read[name]

    def held(self, name: str) -> Column | None:
        with self._holding:
            if name in self._held:
                self._held.move_to_end(name)
            return self._held.get(name)

    def get(
        self, name: str, make: Callable[[], Column], changed: Rows = NO_ROWS, published: int = 0
    ) -> Column:
        """Without the changed rows, of so many that are of segments."""
        with self._holding:
            making = self._making[name]
        with making:  # others wait for this column alone
            column = self.held(name) or make()
            if not np.isin(changed, column.left_out).all():
                column = column.without(changed, published)
            with self._holding:
                self._held[name] = column
                while len(self._held) > 1 and self._bytes() > self._budget_bytes:
                    self._held.popitem(last=False)
        return column

    def _bytes(self) -> int:
        return sum(column.bytes for column in self._held.values())
