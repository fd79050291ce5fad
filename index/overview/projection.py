"""Unit vectors to places in the unit square, by their two principal components.

fit(units) -> Projection; place(units): (n, dim) of any float type -> (n, 2) float32 of 0 to 1. The
components are those of a sample that is spread evenly over the rows, so that fitting costs the same
for any number of them. Each is squashed by t / sqrt(1 + t^2), t being the distance from the
sample's median in deviations: what lies far out stays inside, and most room is the middle's. The
same vectors give the same places, and a vector that comes later is placed without moving any other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE = 50_000  # rows that the components are found on
BLOCK = 16_384  # rows that are placed together
DEVIATION = 1.4826  # a normal distribution's deviation, in median distances from the median

Floats = NDArray[np.float32]
Places = NDArray[np.float32]  # (n, 2)


@dataclass(frozen=True)
class Projection:
    mean: Floats  # (dim,)
    axes: Floats  # (dim, 2)
    middle: Floats  # (2,): the medians along the axes
    spread: Floats  # (2,): the deviations along them

    @property
    def dimension(self) -> int:
        return len(self.mean)

    def place(self, units: NDArray[np.floating]) -> Places:
        return _squashed(self._along(units), self.middle, self.spread)

    def place_all(self, parts: Iterable[NDArray[np.floating]]) -> Places:
        """Of parts of any size, in their order; memory is bounded by the result's."""
        placed = [
            self.place(part[first : first + BLOCK])
            for part in parts
            for first in range(0, len(part), BLOCK)
        ]
        return np.concatenate([np.empty((0, 2), np.float32), *placed])

    def _along(self, units: NDArray[np.floating]) -> Floats:
        centred: Floats = units.astype(np.float32) - self.mean
        return centred @ self.axes


def fit(units: NDArray[np.floating], like: Projection | None = None) -> Projection:
    """Of (n, dim) vectors, n = 0 included; turned and mirrored to lie as `like` has it."""
    dimension = units.shape[1]
    sample = units.astype(np.float64)
    mean = sample.mean(axis=0) if len(sample) else np.zeros(dimension)
    centred = sample - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = np.zeros((dimension, 2))
    found = vectors[:, ::-1][:, :2]  # eigh's are in rising order
    axes[:, : found.shape[1]] = found * _signs(found)
    if like is not None and like.dimension == dimension:
        axes = axes @ _turn(axes, like.axes.astype(np.float64))
    along = centred @ axes if len(sample) else np.zeros((1, 2))
    middle = np.median(along, axis=0)
    spread = DEVIATION * np.median(np.abs(along - middle), axis=0)
    # of a few vectors, or of many alike, half may lie at the median itself
    spread = np.where(spread > 1e-6, spread, np.maximum(along.std(axis=0), 1e-6))
    parts = (mean, axes, middle, spread)
    return Projection(*(part.astype(np.float32) for part in parts))


def spread_rows(count: int, most: int = SAMPLE) -> NDArray[np.int64]:
    """At most so many of the rows, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def _signs(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """An axis may point either way: its largest component is made positive."""
    largest = np.argmax(np.abs(vectors), axis=0)
    return np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)


def _turn(axes: NDArray[np.float64], to: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 2): what brings one plane's axes nearest to another's, lengths and angles kept.

    Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika, 1966.
    """
    left, _, right = np.linalg.svd(axes.T @ to)
    turn: NDArray[np.float64] = left @ right
    return turn


def _squashed(along: Floats, middle: Floats, spread: Floats) -> Places:
    away = (along - middle) / spread
    places: Places = (0.5 + 0.5 * away / np.sqrt(1 + away * away)).astype(np.float32)
    return places
