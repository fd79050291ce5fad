"""Vectors that crowd as a model's do, and queries near them, of any number and always the same.

A row is unit(sqrt(MEAN) m + sqrt(1 - MEAN) (sqrt(1 - SPREAD) c + sqrt(SPREAD) w)): m one direction
that all share, which is CLIP's narrow cone; c its cluster's centre and w its own part, both drawn
with variances that fall as 1 / i^DECAY along turned axes. So two rows have a cosine of about MEAN,
two of one cluster of about 1 - (1 - MEAN) SPREAD, and one row in ROWS_A_CLUSTER is of one cluster.

An image-like query is one more row of some cluster. A text-like one is unit(q + GAP g + e): such a
row moved along g, the axis in which rows differ second most, by CLIP's distance between pictures
and texts (Liang et al., "Mind the Gap: Understanding the Modality Gap in Multi-modal Contrastive
Representation Learning", NeurIPS 2022), and noise e of expected length 1, in all directions alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.segments import ROWS, Units
from models.vectors import Embeddings, unit

ROWS_A_CLUSTER = 100
MEAN = 0.5
SPREAD = 0.4
DECAY = 0.8
GAP = 0.82


@dataclass(frozen=True)
class Clustered:
    rows: int
    dimension: int
    seed: int = 0

    def blocks(self) -> Iterator[Units]:
        """Every row, in blocks of a segment's size."""
        for first in range(0, self.rows, ROWS):
            generator = np.random.default_rng([self.seed, 1, first])
            yield self._images(generator, min(ROWS, self.rows - first)).astype(np.float16)

    def image_queries(self, count: int) -> Embeddings:
        return self._images(np.random.default_rng([self.seed, 2]), count)

    def text_queries(self, count: int) -> Embeddings:
        generator = np.random.default_rng([self.seed, 3])
        named = self._images(generator, count)
        noise = generator.standard_normal((count, self.dimension), dtype=np.float32)
        return _unit(named + GAP * self._axes[1] + noise / np.sqrt(np.float32(self.dimension)))

    def _images(self, generator: np.random.Generator, count: int) -> Embeddings:
        apart = self._centred(generator, count)
        return _unit(np.sqrt(MEAN) * self._axes[0] + np.sqrt(1 - MEAN) * apart)

    def _centred(self, generator: np.random.Generator, count: int) -> Embeddings:
        clusters = generator.integers(0, len(self._centres), count)
        own = self._turned(generator, count)
        between, within = np.float32(np.sqrt(1 - SPREAD)), np.float32(np.sqrt(SPREAD))
        return between * self._centres[clusters] + within * own

    def _turned(self, generator: np.random.Generator, count: int) -> Embeddings:
        """(count, dim) of expected length 1."""
        drawn = generator.standard_normal((count, self.dimension), dtype=np.float32)
        turned = (drawn * self._deviations) @ self._axes
        return turned.astype(np.float32, copy=False)

    @cached_property
    def _centres(self) -> Embeddings:
        generator = np.random.default_rng([self.seed, 4])
        return self._turned(generator, max(1, self.rows // ROWS_A_CLUSTER))

    @cached_property
    def _deviations(self) -> NDArray[np.float32]:
        variances = np.arange(1, self.dimension + 1) ** -DECAY
        deviations: NDArray[np.float32] = np.sqrt(variances / variances.sum()).astype(np.float32)
        return deviations

    @cached_property
    def _axes(self) -> Embeddings:
        """(dim, dim), orthonormal."""
        generator = np.random.default_rng([self.seed, 5])
        square = generator.standard_normal((self.dimension, self.dimension))
        axes: Embeddings = np.linalg.qr(square)[0].astype(np.float32)
        return axes


def _unit(vectors: NDArray[Any]) -> Embeddings:
    return unit(vectors.astype(np.float32))[0]
