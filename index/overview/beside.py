"""A vector's place among others that have theirs: between those of its nearest.

between(places, scores): of the nearest k of each of n vectors (n, k, 2), and how alike they are
(n, k), falling -> (n, 2). What is nearest counts most and the last of them not at all, so that the
place does not jump where another one is the last; where all are equally near it is their middle. A
score of -inf marks one that is missing; without any the place is the middle of the plane.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from index.faiss import FaissIndex, Nearest
from index.overview.projection import Places
from index.vectors.choosing import EXACT, EXACT_COMPONENTS, lists_for
from index.vectors.effort import Effort
from index.vectors.units import StackedUnits

NEAREST = 8
BLOCK = 1024  # vectors whose nearest are looked for together
BREADTH = 32  # lists of many that are looked into

Units = NDArray[np.floating]


def between(places: NDArray[np.float32], scores: NDArray[np.float32]) -> Places:
    there = np.isfinite(scores)
    least = np.where(there, scores, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    above = np.where(there, scores - np.where(np.isfinite(least), least, 0), 0)
    span = above.max(axis=1, keepdims=True, initial=0)
    weights = np.where(span > 0, (above / np.where(span > 0, span, 1)) ** 2, there)
    total = weights.sum(axis=1, keepdims=True)
    mean = (places * weights[:, :, None]).sum(axis=1) / np.where(total > 0, total, 1)
    placed: Places = np.where(total > 0, mean, 0.5).astype(np.float32)
    return placed


def table(found: Sequence[Nearest], places: Places) -> Places:
    """`between` those that a search has found, whose rows are those of `places`."""
    near = np.zeros((len(found), NEAREST, 2), np.float32)
    scores = np.full((len(found), NEAREST), -np.inf, np.float32)
    for number, (alike, rows) in enumerate(found):
        near[number, : len(rows)] = places[rows]
        scores[number, : len(rows)] = alike
    return between(near, scores)


class Anchors:
    """Some vectors (n, dim) of any float type, that have places (n, 2)."""

    def __init__(self, units: NDArray[np.float16], places: Places) -> None:
        count, dimension = units.shape
        many = count * dimension > EXACT_COMPONENTS
        factory = f"IVF{lists_for(count)},{EXACT}" if many else EXACT
        self._index = FaissIndex.build(factory, dimension, StackedUnits([units]))
        self._places = places

    def nearest(self, units: Units, count: int) -> list[Nearest]:
        vectors = units.astype(np.float32)
        return self._index.search(vectors, count, effort=Effort(BREADTH, count))

    def place(self, units: Units) -> Places:
        return table(self.nearest(units, NEAREST), self._places)


def blocks(parts: Iterable[Units], rows: int = BLOCK) -> Iterator[Units]:
    for part in parts:
        for first in range(0, len(part), rows):
            yield part[first : first + rows]
