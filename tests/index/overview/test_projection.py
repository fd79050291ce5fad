"""Vectors to places by their two principal components."""

from dataclasses import replace

import numpy as np
import pytest

from index.overview.projection import fit, spread_rows
from tests.index.galleries import random_vectors


def stretched(count: int = 500) -> np.ndarray:
    """Widest along the third axis, then along the first."""
    drawn = random_vectors(np.random.default_rng(2), count, 5)
    return drawn * np.array([3, 0.1, 9, 0.1, 0.1], np.float32)


def test_what_sets_vectors_apart_most_is_one_axis_and_the_next_the_other() -> None:
    vectors = stretched()
    x, y = fit(vectors).place(vectors).T
    assert abs(np.corrcoef(x, vectors[:, 2])[0, 1]) > 0.9
    assert abs(np.corrcoef(y, vectors[:, 0])[0, 1]) > 0.9


def test_the_same_vectors_give_the_same_places_in_whatever_parts() -> None:
    vectors = stretched()
    projection = fit(vectors)
    parts = projection.place_all([vectors[:3], vectors[3:400], vectors[400:]])
    assert parts.tobytes() == fit(vectors).place_all([vectors]).tobytes()


def test_what_lies_far_out_stays_inside() -> None:
    vectors = stretched()
    far = fit(vectors).place(1e6 * vectors[:5])
    assert (far >= 0).all() and (far <= 1).all()


@pytest.mark.parametrize("degrees", [0, 30, 90, 180])
@pytest.mark.parametrize("mirrored", [1, -1])
def test_it_lies_as_another_one_does(degrees: int, mirrored: int) -> None:
    vectors = stretched()
    projection = fit(vectors)
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    turn = np.array([[cosine, mirrored * sine], [-sine, mirrored * cosine]], np.float32)
    other = replace(projection, axes=projection.axes @ turn)
    assert np.allclose(fit(vectors, other).axes, other.axes, atol=1e-4)


def test_one_of_another_dimension_is_none_to_lie_like() -> None:
    vectors = stretched()
    assert np.array_equal(fit(vectors, fit(vectors[:, :3])).axes, fit(vectors).axes)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_vectors_lie_somewhere(count: int) -> None:
    vectors = stretched()[:count]
    placed = fit(vectors).place(vectors)
    assert placed.shape == (count, 2) and np.isfinite(placed).all()


def test_a_sample_is_spread_over_the_rows() -> None:
    assert spread_rows(5).tolist() == [0, 1, 2, 3, 4]
    assert spread_rows(0).tolist() == []
    assert spread_rows(101, 3).tolist() == [0, 50, 100]
