"""UMAP's layouts, as far as they are ours to promise."""

import numpy as np
import pytest

from index.overview import umap
from index.overview.projection import fit
from models.errors import PictorError
from tests.index.galleries import random_vectors


def clusters(count: int, of: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(4)
    own = np.arange(count) % of
    vectors = random_vectors(generator, of, 32)[own] + 0.5 * random_vectors(generator, count, 32)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16), own


def test_clusters_stay_together_inside_the_square_and_the_same_every_time() -> None:
    units, own = clusters(200, 4)
    start = fit(units).place(units)
    placed = umap.fit(units, start)
    assert placed.dtype == np.float32 and (placed >= 0).all() and (placed <= 1).all()
    assert np.array_equal(placed, umap.fit(units, start))
    apart = np.linalg.norm(placed[:, None] - placed[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (own[apart.argmin(axis=1)] == own).mean() > 0.95


def test_what_it_cannot_lay_out_is_told_in_our_words() -> None:
    with pytest.raises(umap.LayoutError):
        umap.fit(np.full((40, 4), np.nan, np.float16), np.zeros((40, 2), np.float32))
    assert issubclass(umap.LayoutError, PictorError)
