"""Pages through the items of a snapshot, in one of the orders of index/filtering/orders.py.

A page goes on after the key of the last one's last item, so that a collection that changes
meanwhile gives no item twice and leaves none out that was there all the time; one that gets another
date or another path may come again, or not at all. No page costs more for the pages before it:
SQLite's indexes have the orders. Where a filter leaves few items, these are looked up; where it
leaves many that lie far apart, the order is read once a state of the collection and kept in memory,
4 bytes an item.

Raises InputError for a limit or an order that is none, CursorError for a cursor that is damaged or
of another listing.
"""

import bisect
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.filtering.facts import ASKED, Database
from index.filtering.filters import Filter
from index.filtering.matching import Many, Selection
from index.filtering.orders import ORDERS, Key, Order, comes_after
from index.gallery import Gallery, Rows
from index.searching.cursor import DIGEST_HEX, text_of, values_of
from models.errors import CursorError, InputError

MAX_LIMIT = 1_000
MAX_CURSOR = 40_000  # characters: a path may have thousands
BATCH = 500  # rows that are looked at together
WALKED = 5_000  # rows that are passed over one by one

ADDED = f"SELECT i.id, i.added_at FROM {ASKED} items AS i ON i.id = asked.value"

Found = tuple[str, Key]  # an id, and its place


@dataclass(frozen=True)
class Browsing:
    """Which page: `limit` items after the cursor, of those that satisfy the filter."""

    order: str = "taken_at"
    descending: bool = True
    limit: int = 100
    cursor: str | None = None
    where: Filter | None = None

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise InputError(f"order is {self.order!r}, expected one of {', '.join(ORDERS)}")
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InputError(f"limit is {self.limit}, expected 1 to {MAX_LIMIT}")

    @property
    def digest(self) -> str:
        """The same for the pages of one listing, another for another."""
        asked = [self.order, self.descending, self.where.digest if self.where else None]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:DIGEST_HEX]

    @property
    def after(self) -> Key | None:
        if self.cursor is None:
            return None
        values = values_of(self.cursor, MAX_CURSOR)
        kinds = [type(value) for value in values]
        if kinds not in ([str, str, str], [str, type(None), str]):
            raise CursorError("cursor: damaged")
        if values[0] != self.digest:
            raise CursorError("cursor: belongs to another listing")
        return Key(*values[1:])


@dataclass(frozen=True)
class Listing:
    ids: tuple[str, ...]
    total: int  # items that satisfy the filter, on all pages
    next_cursor: str | None
    added_at: dict[str, str]  # ISO 8601, UTC


def listing(
    database: Database,
    gallery: Gallery,
    browsing: Browsing,
    selection: Selection | None,
    walked: int = WALKED,
) -> Listing:
    """Of a transaction and its gallery; `selection` is what the browsing's filter selects; after
    `walked` rows that are not selected the order is read."""
    pages = _Pages(database, gallery, browsing, selection, walked)
    found = list(islice(pages.found(), browsing.limit + 1))
    total = gallery.count if selection is None else len(selection)
    ids = tuple(id_ for id_, _ in found[: browsing.limit])
    added_at: dict[str, str] = dict(database.rows(ADDED, (json.dumps(ids),)))
    if len(found) <= browsing.limit:
        return Listing(ids, total, None, added_at)
    _, last = found[browsing.limit - 1]
    return Listing(ids, total, text_of([browsing.digest, *last]), added_at)


@dataclass(frozen=True)
class InOrder:
    """Every item's row, rising; those without a value come last."""

    rows: NDArray[np.int32]
    valued: int

    @classmethod
    def make(cls, order: Order, database: Database, gallery: Gallery) -> "InOrder":
        parts, counts = [np.empty(0, np.int32)], []
        for part in order.parts_after(None, descending=False):
            statement = f"{order.select(order.tables, part.condition)} {order.sorted(False)}"
            ids = [id_ for id_, *_ in database.rows(statement, part.given)]
            rows = gallery.rows_of(ids)
            parts.append(rows[rows >= 0].astype(np.int32))
            counts.append(len(parts[-1]))
        return cls(np.concatenate(parts), counts[0])

    def turned(self, descending: bool) -> Rows:
        rows = self.rows.astype(np.int64)
        if not descending:
            return rows
        return np.concatenate([rows[: self.valued][::-1], rows[self.valued :][::-1]])


class _Pages:
    def __init__(
        self,
        database: Database,
        gallery: Gallery,
        browsing: Browsing,
        selection: Selection | None,
        walked: int,
    ) -> None:
        self._database = database
        self._gallery = gallery
        self._selection = selection
        self._name, self._order = browsing.order, ORDERS[browsing.order]
        self._descending = browsing.descending
        self._after = browsing.after
        self._most_walked = walked

    def found(self) -> Iterator[Found]:
        """What comes after the cursor, in order; as much of it as is taken is looked for."""
        if self._selection is None:
            return self._walked(self._after)
        if isinstance(self._selection, Many):
            return self._far_apart(self._selection)
        return self._looked_up(self._gallery.ids(self._selection.rows), self._after)

    def _walked(self, after: Key | None) -> Iterator[Found]:
        """All items, out of SQLite's index."""
        order, sorting = self._order, self._order.sorted(self._descending)
        parts = (
            self._database.rows(
                f"{order.select(order.tables, part.condition)} {sorting}", part.given
            )
            for part in order.parts_after(after, self._descending)
        )
        return _keyed(chain.from_iterable(parts))

    def _far_apart(self, selection: Many) -> Iterator[Found]:
        """Those selected among the items that follow; once too many were passed over, out of the
        order in memory."""
        walked, after, passed = self._walked(self._after), self._after, 0
        while batch := list(islice(walked, min(BATCH, self._most_walked + 1))):
            rows = self._gallery.rows_of([id_ for id_, _ in batch])
            wanted = (rows >= 0) & selection.among(np.maximum(rows, 0))
            yield from (each for each, mine in zip(batch, wanted.tolist(), strict=True) if mine)
            after, passed = batch[-1][1], passed + len(batch)
            if passed >= self._most_walked:
                yield from self._in_memory(selection, after)
                return

    def _in_memory(self, selection: Many, after: Key | None) -> Iterator[Found]:
        made = self._gallery.once(
            ("order", self._name),
            lambda: InOrder.make(self._order, self._database, self._gallery),
        )
        rows = made.turned(self._descending)
        if after is not None:
            rows = rows[self._first_after(rows, after) :]
        rows = rows[selection.among(rows)]
        for first in range(0, len(rows), BATCH):
            yield from self._looked_up(self._gallery.ids(rows[first : first + BATCH]))

    def _first_after(self, rows: Rows, after: Key) -> int:
        def is_after(row: int) -> bool:
            ((_, key),) = self._looked_up(self._gallery.ids(np.array([row])))
            return comes_after(key, after, self._descending)

        return bisect.bisect_left(rows, True, key=is_after)

    def _looked_up(self, ids: Sequence[str], after: Key | None = None) -> Iterator[Found]:
        """Those of these items that come after the key."""
        order = self._order
        parts = order.parts_after(after, self._descending)
        condition = " OR ".join(f"({part.condition})" for part in parts)
        statement = (
            f"{order.select(order.among, condition)} {order.sorted(self._descending, mixed=True)}"
        )
        given = [value for part in parts for value in part.given]
        return _keyed(self._database.rows(statement, (json.dumps(ids), *given)))


def _keyed(rows: Iterable[tuple[Any, ...]]) -> Iterator[Found]:
    return ((id_, Key(value, tie)) for id_, value, tie in rows)
