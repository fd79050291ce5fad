"""What benchmarks.search searches: rows on disk, queries, filters, and what is right.

make_ground(folder, clustered) writes everything once; Ground reads it, the rows mapped. A row is
right for a query if it scores as high as the tenth best of the rows that its filter lets through.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.synthetic import Clustered
from index.vectors.units import StackedUnits, inner_products
from models.vectors import Embeddings, Vector

KINDS = ("image", "text")
SHARES = (1.0, 0.5, 0.01, 0.0001)  # of the rows, that a filter lets through
QUERIES = 500
DEPTH = 10
ROUNDING = 1e-6  # of a float32 score of units

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Ground:
    folder: Path

    @cached_property
    def units(self) -> StackedUnits:
        return StackedUnits([np.asarray(np.load(self.folder / "units.npy", mmap_mode="r"))])

    def queries(self, kind: str) -> Embeddings:
        queries: Embeddings = np.load(self.folder / f"{kind}.npy")
        return queries

    def among(self, share: float) -> NDArray[np.bool_]:
        return _among(len(self.units), share)

    def recall(self, kind: str, share: float, found: list[Rows]) -> float:
        """Mean of the shares of the ten best, of the first queries of that kind."""
        lowest = np.load(self.folder / f"{kind}.lowest.npy")[SHARES.index(share)]
        right = [
            np.count_nonzero(self._scores(rows, vector) >= low - ROUNDING)
            for rows, vector, low in zip(found, self.queries(kind), lowest, strict=False)
        ]
        return float(np.minimum(right, DEPTH).mean()) / DEPTH

    def _scores(self, rows: Rows, vector: Vector) -> NDArray[np.float64]:
        return inner_products(self.units.take(rows), vector)


def make_ground(folder: Path, clustered: Clustered) -> Ground:
    shape = (clustered.rows, clustered.dimension)
    units = np.lib.format.open_memmap(folder / "units.npy", "w+", np.float16, shape)
    first = 0
    for block in clustered.blocks():
        units[first : first + len(block)] = block
        first += len(block)
    units.flush()
    ground = Ground(folder)
    np.save(folder / "image.npy", clustered.image_queries(QUERIES))
    np.save(folder / "text.npy", clustered.text_queries(QUERIES))
    for kind in KINDS:
        np.save(folder / f"{kind}.lowest.npy", _lowest(ground, ground.queries(kind)))
    return ground


def _among(rows: int, share: float) -> NDArray[np.bool_]:
    if share == 1:
        return np.ones(rows, np.bool_)
    among = np.zeros(rows, np.bool_)
    # at least as many as are looked for
    count = max(DEPTH, round(rows * share))
    among[np.random.default_rng([6, count]).choice(rows, count, replace=False)] = True
    return among


def _lowest(ground: Ground, queries: Embeddings) -> NDArray[np.float32]:
    """(shares, n): the tenth best score among the rows of each filter."""
    masks = [ground.among(share) for share in SHARES]
    best = np.full((len(SHARES), len(queries), DEPTH), -np.inf, np.float32)
    first = 0
    for chunk in ground.units.chunks():
        scores = queries @ chunk.astype(np.float32).T
        for at, mask in enumerate(masks):
            passing = scores[:, mask[first : first + len(chunk)]]
            best[at] = _best(np.concatenate([best[at], passing], axis=1))
        first += len(chunk)
    lowest: NDArray[np.float32] = best.min(axis=2)
    return lowest


def _best(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    best: NDArray[np.float32] = np.partition(scores, -DEPTH, axis=1)[:, -DEPTH:]
    return best
