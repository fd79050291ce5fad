"""What is excluded, and what a fused score can reach."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.composers.basic import HarrisFusion
from models.errors import InputError
from models.query import Excluded, GalleryView, Pending, Probe, Query, excluding, single
from models.space import Space
from models.vectors import Embeddings, Vector
from tests.fakes import f32

T = TypeVar("T")
SPACE, OTHER = Space("hand", "0" * 16, 2), Space("other", "1" * 16, 2)
EAST = np.array([1, 0], dtype=np.float32)
NORTH = np.array([0, 1], dtype=np.float32)


class NoGallery:
    def mean(self, space: Space) -> Vector:
        raise NotImplementedError

    def sample(self, space: Space, count: int) -> Embeddings:
        raise NotImplementedError

    def nearest(self, space: Space, vector: Vector, count: int) -> Embeddings:
        raise NotImplementedError

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        raise NotImplementedError


def score_at(query: Query, point: Vector) -> float:
    """Of a picture that is the same unit vector in every space."""
    similarities = [np.array([float(probe.vector @ point)]) for probe in query.probes]
    return float(query.scores(similarities)[0])


def test_what_is_excluded_is_taken_off_by_its_weighted_cosine() -> None:
    query = excluding(single(SPACE, 5 * EAST), [Excluded(SPACE, 7 * NORTH, 0.5)])
    assert isinstance(query, Query)
    point = f32([0.6, 0.8])
    assert score_at(query, point) == pytest.approx(0.6 - 0.5 * 0.8)


def test_the_bound_is_no_lower_than_the_lowest_score() -> None:
    away = Query((Probe(SPACE, EAST, 0.5), Probe(OTHER, EAST, 0.5)))
    # float16 rows of a little more than unit length, all of them opposite
    assert away.at_most([-1.001, -1.001]) == -1
    assert away.scores([np.array([-1.001]), np.array([-1.001])]) == [-1]


def test_parts_of_one_space_become_one_probe_with_the_same_scores() -> None:
    parts = [Excluded(SPACE, NORTH, 0.5), Excluded(SPACE, NORTH - EAST, 0.25)]
    query = excluding(single(SPACE, EAST), parts)
    assert isinstance(query, Query)
    assert len(query.probes) == 1
    expected = 0.6 - 0.5 * 0.8 - 0.25 * (0.8 - 0.6) / np.sqrt(2)
    assert score_at(query, f32([0.6, 0.8])) == pytest.approx(expected)


def test_a_part_of_another_space_is_a_probe_of_its_own() -> None:
    query = excluding(single(SPACE, EAST), [Excluded(OTHER, NORTH, 0.5)])
    assert isinstance(query, Query)
    assert [(probe.space, probe.weight) for probe in query.probes] == [(SPACE, 1.0), (OTHER, 0.5)]
    assert score_at(query, f32([0.6, 0.8])) == pytest.approx(0.6 - 0.5 * 0.8)


def test_excluding_all_that_was_asked_for_leaves_no_query() -> None:
    with pytest.raises(InputError, match="exclude: takes away all"):
        excluding(single(SPACE, EAST), [Excluded(SPACE, EAST, 1.0)])


def test_a_part_without_direction_is_refused() -> None:
    with pytest.raises(InputError, match="no direction"):
        excluding(single(SPACE, EAST), [Excluded(SPACE, 0 * EAST, 0.5)])


def test_a_fused_score_is_lowered_all_the_same() -> None:
    fusion = HarrisFusion(1.0, 0.0, 1.0, 0.0)
    query = Query((Probe(SPACE, EAST), Probe(SPACE, NORTH)), fusion)
    away = excluding(query, [Excluded(SPACE, NORTH, 0.5)])
    assert isinstance(away, Query)
    point = f32([0.6, 0.8])
    assert score_at(away, point) == pytest.approx(0.48 - 0.1 * 1.4**2 - 0.5 * 0.8)


def test_a_pending_query_is_lowered_when_it_is_finished() -> None:
    gallery: GalleryView = NoGallery()
    pending = excluding(Pending(lambda _: single(SPACE, EAST)), [Excluded(SPACE, NORTH, 0.5)])
    assert isinstance(pending, Pending)
    query = pending.finish(gallery)
    assert score_at(query, f32([0.6, 0.8])) == pytest.approx(0.6 - 0.4)


def test_nothing_excluded_changes_nothing() -> None:
    query = single(SPACE, EAST)
    assert excluding(query, []) is query


similarity = st.floats(-1, 1)


@given(
    st.lists(st.tuples(similarity, similarity), min_size=1, max_size=20),
    st.tuples(st.floats(0, 5), st.floats(-2, 2), st.floats(0, 5), st.floats(-2, 2)),
    st.sampled_from([0.05, 0.1, 0.25]),
)
def test_no_fused_score_passes_the_bound_of_its_highest_similarities(
    points: list[tuple[float, float]],
    affine: tuple[float, float, float, float],
    weight: float,
) -> None:
    fusion = replace(HarrisFusion(*affine), weight=weight)
    image, text = (np.array(column) for column in zip(*points, strict=True))
    bound = fusion.at_most([image.max(), text.max()])
    assert fusion.scores([image, text]).max() <= bound + 1e-9


def test_the_fusion_is_its_formula() -> None:
    fusion = HarrisFusion(2.0, 0.5, 1.0, 0.25)
    image, text = 2 * 0.3 + 0.5, 0.2 + 0.25
    expected = image * text - 0.1 * (image + text) ** 2
    scores = fusion.scores([np.array([0.3, -0.9]), np.array([0.2, 0.2])])
    # below zero is nothing: only the text is left, and too much of one costs
    assert scores == pytest.approx([expected, -0.1 * text**2])


@pytest.mark.parametrize("parameters", [(-1, 0, 1, 0), (1, 0, 1, 0, 0.0), (1, 0, 1, 0, 0.3)])
def test_parameters_that_break_the_bound_are_refused(parameters: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="parameters"):
        HarrisFusion(*parameters)
