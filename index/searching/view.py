"""What a pending query sees of the gallery: its mean, a sample, its nearest pictures."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from index.gallery import Rows
from index.searching.searched import Searched
from models.space import Space
from models.vectors import Embeddings, Vector, unit_vector

T = TypeVar("T")


@dataclass(frozen=True)
class View:
    """`left_out` are rows that are nobody's nearest: the picture that is asked with."""

    gallery: Searched
    left_out: Rows

    def mean(self, space: Space) -> Vector:
        return self.once(("mean", space), lambda: self._mean(space))

    def sample(self, space: Space, count: int) -> Embeddings:
        rows = self.gallery.rows
        spread = np.linspace(0, len(rows) - 1, min(count, len(rows)))
        return self._units(rows[spread.astype(np.int64)], space)

    def nearest(self, space: Space, vector: Vector, count: int) -> Embeddings:
        asked = count + len(self.left_out)
        ((_, rows),) = self.gallery.nearest(space, unit_vector(vector)[None], asked)
        return self._units(rows[~np.isin(rows, self.left_out)][:count], space)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        return self.gallery.once_a_while(key, make)

    def _mean(self, space: Space) -> Vector:
        total = np.zeros(space.dimension)
        for _, units in self.gallery.chunks((space,)):
            total += units[space].sum(axis=0, dtype=np.float64)
        mean: Vector = (total / max(1, self.gallery.count)).astype(np.float32)
        return mean

    def _units(self, rows: Rows, space: Space) -> Embeddings:
        units: Embeddings = self.gallery.units(rows, space).astype(np.float32)
        return units
