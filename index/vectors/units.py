"""Unit vectors as they are stored: float16, in many mapped blocks, compared in float64.

StackedUnits reads blocks (n, dim) float16 as one array, copying only the rows that are asked for.
inner_products sums a row's products in float64 with numpy's own order of addition, so that what a
row scores never depends on which rows stand beside it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from index.segments import Units
from models.vectors import Embeddings, Vector

CHUNK_ROWS = 16_384
# rows of float64 that stay in a core's cache, which makes the conversion up to 16 times as fast
CONVERTED_ROWS = 128
SHARED = 0.3  # length of a mean: of a cosine of 0.09 between two rows


class StackedUnits:
    def __init__(self, blocks: Sequence[Units]) -> None:
        self._blocks = tuple(block for block in blocks if len(block))
        self._starts = np.cumsum([0, *(len(block) for block in self._blocks)], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def row_bytes(self) -> int:
        return self._blocks[0].strides[0] if self._blocks else 0

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[Units]:
        """Every row once, in order, in parts that are small enough to compute on."""
        for block in self._blocks:
            for first in range(0, len(block), rows):
                yield block[first : first + rows]

    def take(self, rows: NDArray[np.int64]) -> Units:
        """(m,) rows -> (m, dim), in their order; m > 0."""
        held_by = np.searchsorted(self._starts, rows, side="right") - 1
        taken = np.empty((len(rows), self._blocks[0].shape[1]), np.float16)
        for number in np.unique(held_by):
            mine = held_by == number
            taken[mine] = self._blocks[number][rows[mine] - self._starts[number]]
        return taken

    def sample(self, count: int, seed: int) -> NDArray[np.int64]:
        """(min(count, n),) different rows, rising, drawn from all blocks alike."""
        if count >= len(self):
            return np.arange(len(self))
        drawn = np.random.default_rng(seed).choice(len(self), count, replace=False)
        return np.sort(drawn)


def apart_from_mean(units: Embeddings) -> Embeddings:
    """(n, dim) -> (n, dim): less what they have of their mean's direction, where that is much.

    A model's vectors may share more than sets them apart; clustered as they are, most then crowd
    around the few centres nearest to it.
    """
    mean = units.mean(axis=0, dtype=np.float64)
    length = np.linalg.norm(mean)
    if length < SHARED:
        return units
    direction = (mean / length).astype(np.float32)
    return units - np.outer(units @ direction, direction)


def inner_products(units: Units, vector: Vector) -> NDArray[np.float64]:
    """(m, dim) and (dim,) -> (m,): np.sum(units64 * vector64, axis=-1), bit for bit."""
    wide = vector.astype(np.float64)
    products = np.empty((min(len(units), CONVERTED_ROWS), units.shape[1]))
    sums = np.empty(len(units))
    for first in range(0, len(units), CONVERTED_ROWS):
        part = units[first : first + CONVERTED_ROWS]
        converted = products[: len(part)]
        converted[...] = part
        converted *= wide
        converted.sum(axis=-1, out=sums[first : first + len(part)])
    return sums
