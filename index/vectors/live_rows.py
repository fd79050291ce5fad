"""Rows that were added since the generation was published, in memory: they only grow.

A reader sees the first so many of them, whatever is appended meanwhile. They are scanned exactly:
a search costs one product with all of them, 4 bytes a component beside the 2 that are stored.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.faiss import NO_EFFORT, Nearest
from index.segments import ID_BYTES, Norms, Segment, Units, Vectors
from index.vectors.effort import Effort
from models.space import Space
from models.vectors import Embeddings

FIRST_ROWS = 256

Keys = NDArray[np.uint64]  # (n, 2)
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ExactRows:
    """A VectorIndex over (n, dim) float32 units."""

    units: Embeddings

    @property
    def takes_selector(self) -> bool:
        return True

    def __len__(self) -> int:
        return len(self.units)

    def search(
        self,
        vectors: Embeddings,
        k: int,
        *,
        effort: Effort = NO_EFFORT,
        among: Mask | None = None,
    ) -> list[Nearest]:
        del effort  # there is nothing to spare
        rows = np.arange(len(self)) if among is None else np.flatnonzero(among)
        units = self.units if among is None else self.units[rows]
        products = vectors.astype(np.float32) @ units.T  # (queries, rows)
        return [_first(scores, rows, k) for scores in products]


def _first(scores: NDArray[np.float32], rows: NDArray[np.int64], k: int) -> Nearest:
    if len(scores) > k:
        best = np.argpartition(-scores, k)[:k]
        scores, rows = scores[best], rows[best]
    order = np.argsort(-scores, kind="stable")
    return scores[order], rows[order]


def keys_of(segment: Segment) -> Keys:
    """Ids as two big-endian halves, so that comparing numbers compares ids."""
    return np.ascontiguousarray(segment.ids).view(">u8").astype(np.uint64)


@dataclass(frozen=True)
class LiveView:
    """The first rows, for one reader."""

    keys: Keys
    vectors: tuple[Vectors, ...]  # one a space
    exact: tuple[ExactRows, ...]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def segment(self) -> Segment:
        return Segment(self.keys.astype(">u8").view(np.uint8).reshape(-1, ID_BYTES), self.vectors)


@dataclass(frozen=True)
class _Arrays:
    """Room for so many rows."""

    keys: Keys
    units: list[Units]  # one a space
    wide: list[Embeddings]  # the same as float32
    norms: list[Norms]

    @classmethod
    def of(cls, rows: int, dimensions: Sequence[int]) -> "_Arrays":
        return cls(
            np.empty((rows, 2), np.uint64),
            [np.empty((rows, dimension), np.float16) for dimension in dimensions],
            [np.empty((rows, dimension), np.float32) for dimension in dimensions],
            [np.empty(rows, np.float32) for _ in dimensions],
        )

    def put(self, first: int, keys: Keys, vectors: Sequence[Vectors]) -> None:
        last = first + len(keys)
        self.keys[first:last] = keys
        for space, each in enumerate(vectors):
            self.units[space][first:last] = each.units
            self.wide[space][first:last] = each.units
            self.norms[space][first:last] = each.norms

    def view(self, count: int) -> LiveView:
        parts = zip(self.units, self.norms, strict=True)
        vectors = tuple(Vectors(units[:count], norms[:count]) for units, norms in parts)
        exact = tuple(ExactRows(wide[:count]) for wide in self.wide)
        return LiveView(self.keys[:count], vectors, exact)


class LiveRows:
    """Appended to by one thread at a time, read by any number."""

    def __init__(self, spaces: Sequence[Space]) -> None:
        self._spaces = spaces
        self._arrays = _Arrays.of(0, self._dimensions)
        self._count = 0
        self._positions: defaultdict[str, list[int]] = defaultdict(list)

    def __len__(self) -> int:
        return self._count

    @property
    def _dimensions(self) -> list[int]:
        return [space.dimension for space in self._spaces]

    def append(self, segment: Segment) -> None:
        first, last = self._count, self._count + len(segment)
        if last > len(self._arrays.keys):
            held = self.view(first)  # readers keep the arrays that they have
            self._arrays = _Arrays.of(max(FIRST_ROWS, 2 * last), self._dimensions)
            self._arrays.put(0, held.keys, held.vectors)
        self._arrays.put(first, keys_of(segment), segment.vectors)
        for position, row in enumerate(segment.ids, start=first):
            self._positions[row.tobytes().hex()].append(position)
        self._count = last

    def view(self, count: int) -> LiveView:
        """Of the first rows."""
        return self._arrays.view(count)

    def positions(self, item: str) -> Sequence[int]:
        """Every one at which an item was ever added, rising."""
        return self._positions.get(item, ())

    def forked(self, count: int) -> "LiveRows":
        """Rows of their own, that begin with the first of these."""
        fork = LiveRows(self._spaces)
        fork.append(self.view(count).segment)
        return fork
