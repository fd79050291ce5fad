"""A layout that keeps neighbours together, by UMAP; the only file that imports umap-learn.

fit(units, start): (n, dim) unit vectors, n >= LEAST_ROWS, and the places (n, 2) to begin with ->
(n, 2) float32 of 0 to 1. The same vectors, start and versions give the same places. It costs
memory for the vectors as float32, and about a second a thousand of them. Raises InputError where
the extra is missing, LayoutError for whatever else goes wrong in it.
Source: McInnes, Healy and Melville, "UMAP: Uniform Manifold Approximation and Projection for
Dimension Reduction", arXiv:1802.03426, 2018.
"""

import importlib
import importlib.util
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.overview.beside import BLOCK, Anchors
from index.overview.projection import Places
from models.errors import InputError, PictorError

NEIGHBOURS = 15  # itself among them
LEAST_ROWS = 2 * NEIGHBOURS
SEED = 42
MARGIN = 0.02

Knn = tuple[NDArray[np.int64], NDArray[np.float32]]  # rows and distances, (n, NEIGHBOURS) each


class LayoutError(PictorError):
    """A layout that could not be made."""


def require() -> None:
    if importlib.util.find_spec("umap") is None:
        raise InputError(
            "a map by UMAP needs umap-learn: install Pictor with its extra, pip install '.[map]'"
        )


def fit(units: NDArray[np.float16], start: Places) -> Places:
    require()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a seed costs parallelism, and its like
            placed = _reducer(units, start).fit_transform(units.astype(np.float32))
    except Exception as error:  # of its many libraries any
        raise LayoutError(f"{type(error).__name__}: {error}") from error
    if not np.isfinite(placed).all():
        raise LayoutError("UMAP has placed pictures nowhere")
    return _within(placed)


def _reducer(units: NDArray[np.float16], start: Places) -> Any:  # noqa: ANN401
    return importlib.import_module("umap").UMAP(
        n_neighbors=NEIGHBOURS,
        metric="cosine",
        init=start.astype(np.float32),
        random_state=SEED,
        precomputed_knn=_neighbours(units),
        force_approximation_algorithm=True,  # or those of few vectors are ignored
    )


def _neighbours(units: NDArray[np.float16]) -> Knn:
    """Each row's nearest, itself first."""
    anchors = Anchors(units, np.zeros((len(units), 2), np.float32))
    rows = np.repeat(np.arange(len(units))[:, None], NEIGHBOURS, axis=1)
    distances = np.zeros(rows.shape, np.float32)
    for first in range(0, len(units), BLOCK):
        found = anchors.nearest(units[first : first + BLOCK], NEIGHBOURS)
        for row, (scores, near) in enumerate(found, start=first):
            other = near != row
            count = min(int(other.sum()), NEIGHBOURS - 1)
            rows[row, 1 : 1 + count] = near[other][:count]
            distances[row, 1 : 1 + count] = 1 - scores[other][:count]
    return rows, distances.clip(min=0)


def _within(placed: NDArray[np.floating]) -> Places:
    """In the unit square, both axes at one scale."""
    least, most = placed.min(axis=0), placed.max(axis=0)
    span = max(float((most - least).max()), 1e-9)
    centred = (placed - (least + most) / 2) / span
    square: Places = (0.5 + (1 - 2 * MARGIN) * centred).astype(np.float32)
    return square
