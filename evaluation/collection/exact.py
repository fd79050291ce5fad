"""Exact search over a gallery, for many queries at once: what its index is measured against.

Vectors are (n, dim) unit rows of one space. Similarities are summed in float64 over every row of
the gallery; two that differ by less than TIE are equal, since an index computes in float32.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from index.gallery import Gallery, Rows
from index.segments import Units
from models.errors import InputError
from models.space import Space
from models.vectors import Embeddings, Vector

TIE = 1e-6
BLOCK = 1024  # queries

Number = TypeVar("Number", bound=np.generic)
Similarities = NDArray[np.float64]


def index_recall(
    gallery: Gallery, space: Space, vectors: Embeddings, ks: Sequence[int]
) -> dict[int, float]:
    """For each k, the mean share of the truly nearest k that the index has among its first k; of
    equal ones any will do."""
    if not len(vectors) or not gallery.count:
        raise InputError("recall needs a query and a picture")
    depth = min(max(ks), gallery.count)
    best = nearest_similarities(gallery, space, vectors, depth)
    shares: dict[int, list[float]] = {k: [] for k in ks}
    nearest = gallery.nearest(space, vectors, depth)
    for vector, truth, (_, rows) in zip(vectors, best, nearest, strict=True):
        found = similarities(gallery.units(rows, space), vector)
        for k, each in shares.items():
            wanted = min(k, depth)
            each.append(float(np.sum(found[:wanted] > truth[wanted - 1] - TIE)) / wanted)
    return {k: float(np.mean(each)) for k, each in shares.items()}


def nearest_similarities(
    gallery: Gallery, space: Space, vectors: Embeddings, k: int
) -> Similarities:
    """(n, k): those of the nearest k rows, falling."""
    blocks = []
    for block in _blocks(vectors):
        best = np.empty((0, len(block)))
        for _, scores in _scan(gallery, space, block):
            best = np.concatenate([best, scores])
            if len(best) > k:
                best = np.partition(best, -k, axis=0)[-k:]
        blocks.append(-np.sort(-best.T, axis=1))
    return np.concatenate(blocks)


def ranks(gallery: Gallery, space: Space, vectors: Embeddings, own: Rows) -> NDArray[np.int64]:
    """(n,): where row `own[i]` is among all rows for vector i, from 1; ties go against it."""
    blocks = []
    for block, mine in zip(_blocks(vectors), _blocks(own), strict=True):
        units = gallery.units(mine, space).astype(np.float64)
        least = np.einsum("nd,nd->n", units, block) - TIE
        before = np.zeros(len(block), dtype=np.int64)
        for rows, scores in _scan(gallery, space, block):
            before += np.sum((scores > least) & (rows[:, None] != mine), axis=0)
        blocks.append(before + 1)
    return np.concatenate(blocks)


def _blocks(queries: NDArray[Number]) -> list[NDArray[Number]]:
    """So that one scan's similarities need not fill the memory."""
    return [queries[at : at + BLOCK] for at in range(0, len(queries), BLOCK)]


def similarities(units: Units, vector: Vector) -> Similarities:
    """(m, dim) -> (m,)"""
    found: Similarities = units.astype(np.float64) @ vector.astype(np.float64)
    return found


def _scan(
    gallery: Gallery, space: Space, vectors: Embeddings
) -> Iterator[tuple[Rows, Similarities]]:
    """Every row once: rows (m,) and their similarities (m, n)."""
    columns = vectors.astype(np.float64).T
    for rows, units in gallery.chunks((space,)):
        yield rows, units[space].astype(np.float64) @ columns
