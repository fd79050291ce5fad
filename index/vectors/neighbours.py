"""The nearest rows of one space: an index proposes, the stored vectors decide.

An index covers the first rows; those that came after it was built are searched exactly beside it,
and so are those that were added since the generation was published. Of an index that is not exact
the proposals are scored again, so that what comes back is in order of the true inner products; how
many there are, and how hard it looks for them, was tuned for queries that are like pictures and for
those that are like texts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.faiss import NO_EFFORT, Nearest
from index.vectors.effort import Effort, Tuning
from index.vectors.units import StackedUnits, inner_products
from models.query import Likeness
from models.vectors import Embeddings, Vector

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

TUNED_FOR = 10  # hits
SCANNED_ROWS = 65_536  # whose scores are held at once


class VectorIndex(Protocol):
    def __len__(self) -> int: ...

    @property
    def takes_selector(self) -> bool:
        """Whether a search may be among some of the rows."""
        ...

    def search(
        self,
        vectors: Embeddings,
        k: int,
        *,
        effort: Effort = NO_EFFORT,
        among: Mask | None = None,
    ) -> Sequence[Nearest]:
        """For each vector (n, dim), nearest first, as the index has them: scores (m,) and rows
        (m,), m <= k; of the rows that `among` (rows held,) marks, where it is given."""
        ...


@dataclass(frozen=True)
class TunedIndex:
    index: VectorIndex
    tuning: Tuning | None = None  # None of an exact index, which has nothing to tune

    def effort(self, likeness: Likeness, k: int, share: float) -> Effort:
        """For the nearest k of that share of the rows."""
        if self.tuning is None:
            return Effort(1, k)
        tuned = (self.tuning.image if likeness == "image" else self.tuning.text).effort
        further = max(1.0, k / (2 * TUNED_FOR))
        wider = Effort(round(tuned.breadth * further**0.5), round(tuned.proposed * further))
        return wider.among(share)


@dataclass(frozen=True)
class Neighbours:
    units: StackedUnits  # of all rows
    covering: TunedIndex  # of the first ones
    beside: VectorIndex | None = None  # exact, of the rest
    added: VectorIndex | None = None  # exact, of what came behind these

    @property
    def exact(self) -> bool:
        return self.covering.tuning is None

    def nearest(
        self, vectors: Embeddings, k: int, likeness: Likeness, among: Mask | None
    ) -> list[Nearest]:
        """For each vector (n, dim) the nearest k rows of those that `among` (rows,) marks: scores
        (m,) falling, rows (m,), m <= k."""
        start = len(self.covering.index)
        found = self._covered(vectors, k, likeness, None if among is None else among[:start])
        for part in (self.beside, self.added):
            if part is not None:
                end = start + len(part)
                others = part.search(vectors, k, among=None if among is None else among[start:end])
                found = [_merged(a, b, start, k) for a, b in zip(found, others, strict=True)]
                start = end
        return found

    def _covered(
        self, vectors: Embeddings, k: int, likeness: Likeness, among: Mask | None
    ) -> list[Nearest]:
        index = self.covering.index
        if among is not None and among.all():
            among = None  # what is dead is behind these
        if among is not None and not index.takes_selector:
            return [self._scan(vector, k, among) for vector in vectors]
        marked = len(index) if among is None else int(np.count_nonzero(among))
        if not marked:
            return [(np.empty(0, np.float32), np.empty(0, np.int64))] * len(vectors)
        effort = self.covering.effort(likeness, k, marked / len(index))
        found = index.search(vectors, max(k, effort.proposed), effort=effort, among=among)
        if self.exact:
            return list(found)
        return [self._rescored(v, rows, k) for v, (_, rows) in zip(vectors, found, strict=True)]

    def _rescored(self, vector: Vector, rows: Rows, k: int) -> Nearest:
        if not len(rows):
            return np.empty(0, np.float32), rows
        scores = inner_products(self.units.take(rows), vector).astype(np.float32)
        return _first(scores, rows, k)

    def _scan(self, vector: Vector, k: int, among: Mask) -> Nearest:
        """What the index cannot search, vector by vector."""
        best: Nearest = (np.empty(0, np.float32), np.empty(0, np.int64))
        for rows in _parts(np.flatnonzero(among)):
            scores, found = self._rescored(vector, rows, k)
            best = _first(np.append(best[0], scores), np.append(best[1], found), k)
        return best


def _parts(rows: Rows) -> Iterator[Rows]:
    for first in range(0, len(rows), SCANNED_ROWS):
        yield rows[first : first + SCANNED_ROWS]


def _merged(covered: Nearest, beside: Nearest, start: int, k: int) -> Nearest:
    scores = np.concatenate([covered[0], beside[0]])
    return _first(scores, np.concatenate([covered[1], beside[1] + start]), k)


def _first(scores: NDArray[np.float32], rows: Rows, k: int) -> Nearest:
    order = np.argsort(-scores, kind="stable")[:k]
    return scores[order], rows[order]
