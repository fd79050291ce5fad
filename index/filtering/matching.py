"""Which rows of a gallery a filter lets be hits: exactly, as few rows or as a mask over all.

matching(database, gallery, filter) -> Few or Many. A condition that few items satisfy is asked of
SQLite's indexes, by a probe of bounded length, and the rest of an `and` only about these items; one
that many satisfy is a slice of its column, which is made once a generation, and of what is fresh
beside it (index/filtering/columns.py). An item satisfies a condition if any of its occurrences
does; `not` is the complement over items.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from index.filtering.columns import Column, Columns, Entries, Fresh
from index.filtering.facts import Database, facts_in, facts_of, place_of
from index.filtering.filters import And, Condition, Filter, Node, Not
from index.gallery import Gallery
from index.vectors.neighbours import Mask, Rows


@dataclass(frozen=True)
class Limits:
    one_by_one: int = 2_000  # items whose values are looked up rather than a column made
    few: int = 20_000  # rows that are scanned rather than an index searched


@dataclass(frozen=True)
class Few:
    rows: Rows  # (m,), rising
    is_few = True

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def narrowing(self) -> Rows:
        return self.rows  # nobody looks for their neighbours

    def among(self, rows: Rows) -> Mask:
        """(k,) -> (k,): which of them may be hits."""
        return np.isin(rows, self.rows)


@dataclass(frozen=True)
class Many:
    mask: Mask  # (n,), one a row of the gallery
    is_few = False

    @property
    def narrowing(self) -> Mask:
        return self.mask

    @property
    def rows(self) -> Rows:
        """(m,), rising."""
        return np.flatnonzero(self.mask)

    def __len__(self) -> int:
        return int(np.count_nonzero(self.mask))

    def among(self, rows: Rows) -> Mask:
        """(k,) -> (k,): which of them may be hits."""
        return np.asarray(self.mask[rows])


Selection = Few | Many


def matching(
    database: Database,
    gallery: Gallery,
    filter: Filter,  # noqa: A002
    limits: Limits = Limits(),
) -> Selection:
    """Of a gallery and a transaction of one generation."""
    columns = gallery.once_a_generation("columns", Columns)
    asking = _Asking(database, gallery, columns, limits)
    # a wide part of an `and` costs little before its narrow one is found
    for most in (limits.one_by_one // 10, limits.one_by_one, limits.few):
        rows = asking.few(filter.root, most)
        if rows is not None:
            return Few(rows)
    mask = asking.mask(filter.root)
    return Many(mask) if np.count_nonzero(mask) > limits.few else Few(np.flatnonzero(mask))


@dataclass(frozen=True)
class _Asking:
    database: Database
    gallery: Gallery
    columns: Columns
    limits: Limits
    sliced: dict[Condition, list[Entries]] = field(default_factory=dict)

    def few(self, node: Node, most: int) -> Rows | None:
        """The rows, where SQLite or a column in memory soon finds that these are all."""
        if isinstance(node, Condition):
            return self._few_of_condition(node, most)
        if isinstance(node, Not):
            return None
        if isinstance(node, And):
            return self._few_of_all(node.parts, most)
        found = []
        for part in node.parts:
            rows = self.few(part, most)
            if rows is None:
                return None
            found.append(rows)
        return reduce(np.union1d, found)

    def _few_of_condition(self, condition: Condition, most: int) -> Rows | None:
        if self.columns.held(condition.field) is not None:
            slices = self._slices(self._column(condition.field), condition)
            return _rows_of(slices) if sum(map(len, slices)) <= most else None
        if not place_of(condition.field).indexed:
            return None
        ids: list[str] = []
        for each in condition.ranges:
            ids += facts_in(self.database, condition.field, each, most + 1 - len(ids))
            if len(ids) > most:
                break
        # once as much was read as making the column reads, it is made
        if self.columns.count_read(condition.field, len(ids)) > self.gallery.count:
            self._column(condition.field)
        return None if len(ids) > most else _rows_of([self.gallery.rows_of(ids)])

    def _few_of_all(self, parts: Iterable[Node], most: int) -> Rows | None:
        found: Rows | None = None
        later = []
        for part in parts:
            small = found is not None and len(found) <= self.limits.one_by_one
            rows = None if small else self.few(part, most)
            if rows is None:
                later.append(part)
            else:
                found = rows if found is None else np.intersect1d(found, rows, assume_unique=True)
        return None if found is None else reduce(self._within, later, found)

    def _within(self, rows: Rows, node: Node) -> Rows:
        """Those of these rows that satisfy it."""
        if isinstance(node, And):
            return reduce(self._within, node.parts, rows)
        if isinstance(node, Not):
            return np.setdiff1d(rows, self._within(rows, node.part), assume_unique=True)
        if not isinstance(node, Condition):
            return reduce(np.union1d, (self._within(rows, part) for part in node.parts))
        if len(rows) > self.limits.one_by_one or self.columns.held(node.field) is not None:
            return np.asarray(rows[self.mask(node)[rows]])
        facts = facts_of(self.database, node.field, self.gallery.ids(rows))
        ids = [id_ for id_, value in facts if any(each.holds(value) for each in node.ranges)]
        return _rows_of([self.gallery.rows_of(ids)])

    def mask(self, node: Node) -> Mask:
        if isinstance(node, Condition):
            return self._mask_of_condition(node)
        if isinstance(node, Not):
            mask = np.zeros(len(self.gallery), dtype=np.bool_)
            mask[self.gallery.rows] = True  # no dead one
            return mask & ~self.mask(node.part)
        join: Callable[[Mask, Mask], Mask] = (
            np.logical_and if isinstance(node, And) else np.logical_or
        )
        return reduce(join, map(self.mask, node.parts))

    def _mask_of_condition(self, condition: Condition) -> Mask:
        mask = np.zeros(len(self.gallery), dtype=np.bool_)
        rows = self._few_of_condition(condition, self.limits.few)
        if rows is not None:
            mask[rows] = True
            return mask
        for entries in self._slices(self._column(condition.field), condition):
            mask[entries] = True
        return mask

    def _column(self, name: str) -> Column:
        def make() -> Column:
            return Column.make(name, self.database, self.gallery)

        return self.columns.get(name, make, self.gallery.touched, self.gallery.published)

    def _slices(self, column: Column, condition: Condition) -> list[Entries]:
        if condition not in self.sliced:
            slices = column.slices(condition.ranges, self.database, self.gallery)
            self.sliced[condition] = [*slices, *self._fresh(column).slices(condition.ranges)]
        return self.sliced[condition]

    def _fresh(self, column: Column) -> Fresh:
        """Of the rows that the column leaves out, and those that were added since."""
        gallery, left_out = self.gallery, column.left_out
        key = ("fresh", column.name, len(left_out), int(left_out.sum()))
        return gallery.once(
            key,
            lambda: Fresh.make(
                column.name,
                self.database,
                gallery,
                gallery.living(
                    np.concatenate([left_out, np.arange(gallery.published, len(gallery))])
                ),
            ),
        )


def _rows_of(found: Iterable[NDArray[np.integer]]) -> Rows:
    """Rising, each once, without the -1 of items that the gallery does not hold."""
    rows = np.unique(np.concatenate([np.empty(0, np.int64), *found])).astype(np.int64)
    return rows[rows >= 0]
