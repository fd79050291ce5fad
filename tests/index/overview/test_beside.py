"""A place between those of a vector's nearest."""

import numpy as np
import pytest

from index.overview.beside import NEAREST, Anchors, between, blocks, table
from index.vectors.choosing import EXACT_COMPONENTS
from tests.index.galleries import random_vectors


def of(*scores: float) -> tuple[float, float]:
    """Between places at (0, 0), (1, 0), (0, 1), ... of these scores."""
    places = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)[None, : len(scores)]
    x, y = between(places, np.array([scores], np.float32))[0].tolist()
    return x, y


def test_the_nearest_counts_most_and_the_last_not_at_all() -> None:
    assert of(0.9, 0.5) == (0, 0)
    # 1 and a half above the last, squared: weights of 1, 1/4, 0
    assert of(0.9, 0.7, 0.5) == pytest.approx((0.2, 0), abs=1e-6)


def test_between_equals_it_is_the_middle() -> None:
    assert of(0.5, 0.5, 0.5, 0.5) == (0.5, 0.5)
    assert of(0.5) == (0, 0)


def test_what_is_missing_does_not_count() -> None:
    assert of(0.5, 0.5, -np.inf) == of(0.5, 0.5) == (0.5, 0)
    assert of(-np.inf, -np.inf) == (0.5, 0.5)
    nothing = (np.empty(0, np.float32), np.empty(0, np.int64))
    assert table([nothing], np.empty((0, 2), np.float32)).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("count", [100, EXACT_COMPONENTS // 512 + 1])
def test_among_few_and_many_a_vector_lies_where_its_like_do(count: int) -> None:
    """Those of one cluster lie at the left, of the other at the right."""
    generator = np.random.default_rng(1)
    left, right = random_vectors(generator, 2, 512)
    side = np.arange(count) % 2
    noise = random_vectors(generator, count, 512)
    units = np.where(side[:, None] == 0, left, right) + 0.3 * noise
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    places = np.stack([side, np.zeros(count)], axis=1).astype(np.float32)
    anchors = Anchors(units.astype(np.float16), places)
    placed = anchors.place(np.stack([left, right]) / np.linalg.norm(left))
    assert placed.tolist() == [[0, 0], [1, 0]]


def test_parts_are_cut_to_blocks() -> None:
    parts = [np.zeros((5, 2)), np.zeros((0, 2)), np.ones((2, 2))]
    assert [len(block) for block in blocks(parts, 2)] == [2, 2, 1, 2]
    assert NEAREST > 2
