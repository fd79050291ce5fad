"""Metrics on ids: the answers are worked out by hand."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics import (
    map_at_k,
    precision_at_k,
    precision_at_reached_k,
    r_precision,
    recall_at_k,
    share_at_k,
    trapezoidal_map,
)
from models.errors import InputError


def test_recall_counts_queries_with_a_relevant_id_among_the_first_k() -> None:
    rankings = [["a", "b", "c"], ["b", "a", "c"], ["c", "b", "a"]]
    relevant = [{"a"}, {"a"}, {"a"}]
    assert recall_at_k(rankings, relevant, 1) == pytest.approx(1 / 3)
    assert recall_at_k(rankings, relevant, 2) == pytest.approx(2 / 3)
    assert recall_at_k(rankings, relevant, 3) == 1


def test_one_of_several_relevant_ids_is_enough_for_recall() -> None:
    assert recall_at_k([["x", "b"]], [{"a", "b"}], 2) == 1


def test_map_divides_by_the_relevant_ids_that_fit_into_k() -> None:
    # hits at ranks 1 and 3 of three relevant: (1/1 + 2/3) / 3
    assert map_at_k([["a", "x", "b"]], [{"a", "b", "c"}], 3) == pytest.approx((1 + 2 / 3) / 3)
    # only one fits into k = 1
    assert map_at_k([["a", "x", "b"]], [{"a", "b", "c"}], 1) == 1


def test_map_over_whole_rankings_divides_by_all_that_is_relevant() -> None:
    # hits at ranks 1 and 3, of three: what is never found counts as nothing
    assert map_at_k([["a", "x", "b"]], [{"a", "b", "c"}]) == pytest.approx((1 + 2 / 3) / 3)


def test_share_is_of_the_relevant_and_precision_of_the_first_k() -> None:
    ranking, relevant = [["a", "x", "b", "y"]], [{"a", "b", "c"}]
    assert share_at_k(ranking, relevant, 3) == pytest.approx(2 / 3)
    assert share_at_k(ranking, relevant, 1) == pytest.approx(1 / 3)
    assert precision_at_k(ranking, relevant, 4) == 0.5
    assert precision_at_k(ranking, relevant, 10) == 0.2  # ten were asked for, four are there


def test_r_precision_looks_as_far_as_there_are_relevant_ids() -> None:
    # two relevant: of the first two one is; one relevant: the first is not
    assert r_precision([["a", "x", "b"], ["x", "a"]], [{"a", "b"}, {"a"}]) == 0.25


def test_the_landmarks_average_precision_is_the_area_by_trapezoids() -> None:
    # hits at ranks 2 and 3, each a step of 1/2 in recall: precision goes from 0/1 to 1/2, then from
    # 1/2 to 2/3
    expected = 0.5 * (0 + 1 / 2) / 2 + 0.5 * (1 / 2 + 2 / 3) / 2
    assert trapezoidal_map([["x", "a", "b"]], [{"a", "b"}]) == pytest.approx(expected)
    assert trapezoidal_map([["a", "b"]], [{"a", "b"}]) == 1
    assert trapezoidal_map([["x"]], [{"a"}]) == 0


def test_the_landmarks_precision_looks_no_further_than_the_last_hit() -> None:
    ranking = [["a", "x", "b", "y", "y2"]]
    assert precision_at_reached_k(ranking, [{"a", "b"}], 5) == pytest.approx(2 / 3)
    assert precision_at_reached_k(ranking, [{"a", "b"}], 2) == 0.5
    assert precision_at_reached_k([["x"]], [{"a"}], 5) == 0


def test_an_id_that_nobody_knows_is_a_miss() -> None:
    assert recall_at_k([["?", "a"]], [{"a"}], 1) == 0


def test_a_ranking_that_names_an_id_twice_is_refused() -> None:
    with pytest.raises(InputError, match="query 1: its ranking names an id twice"):
        recall_at_k([["a"], ["b", "b"]], [{"a"}, {"b"}], 2)


def test_a_query_without_a_relevant_id_or_without_a_ranking_is_refused() -> None:
    with pytest.raises(InputError, match="query 0"):
        map_at_k([["a"]], [set()], 1)
    with pytest.raises(InputError, match="1 rankings for 2 queries"):
        recall_at_k([["a"]], [{"a"}, {"b"}], 1)


AT_K = {
    "recall": recall_at_k,
    "map": map_at_k,
    "share": share_at_k,
    "precision": precision_at_k,
    "reached": precision_at_reached_k,
}
WHOLE = {"map": map_at_k, "trapezoids": trapezoidal_map, "r": r_precision}
rankings = st.permutations(list("abcdef"))
relevants = st.sets(st.sampled_from("abcdef"), min_size=1)


@given(rankings, relevants, st.integers(1, 9))
def test_every_metric_stays_between_0_and_1(ranking: list[str], relevant: set[str], k: int) -> None:
    assert all(0 <= metric([ranking], [relevant], k) <= 1 for metric in AT_K.values())
    assert all(0 <= metric([ranking], [relevant]) <= 1 for metric in WHOLE.values())


@given(rankings, relevants)
def test_recall_and_share_grow_with_k_to_1(ranking: list[str], relevant: set[str]) -> None:
    for metric in (recall_at_k, share_at_k):
        values = [metric([ranking], [relevant], k) for k in range(1, 7)]
        assert values == sorted(values) and values[-1] == 1


@given(rankings, relevants, st.integers(1, 6), st.randoms(use_true_random=False))
def test_the_order_among_ids_that_are_alike_to_the_question_does_not_matter(
    ranking: list[str], relevant: set[str], k: int, random: Random
) -> None:
    """Relevant ids may be exchanged for one another, and irrelevant ones too."""
    good = random.sample(sorted(relevant), len(relevant))
    bad = random.sample(sorted(set(ranking) - relevant), len(ranking) - len(relevant))
    other = [good.pop() if found in relevant else bad.pop() for found in ranking]
    for metric in AT_K.values():
        assert metric([other], [relevant], k) == metric([ranking], [relevant], k)
    for whole in WHOLE.values():
        assert whole([other], [relevant]) == whole([ranking], [relevant])


@given(rankings, relevants, st.integers(1, 6))
def test_irrelevant_ids_at_the_end_change_nothing_and_at_the_front_never_help(
    ranking: list[str], relevant: set[str], k: int
) -> None:
    for metric in AT_K.values():
        value = metric([ranking], [relevant], k)
        assert metric([[*ranking, "x", "y"]], [relevant], k) == value
        assert metric([["x", "y", *ranking]], [relevant], k) <= value + 1e-12
    for whole in WHOLE.values():
        value = whole([ranking], [relevant])
        assert whole([[*ranking, "x", "y"]], [relevant]) == value
        assert whole([["x", "y", *ranking]], [relevant]) <= value + 1e-12


@given(rankings, relevants, st.integers(7, 1000))
def test_k_beyond_the_gallery_sees_all_of_it(
    ranking: list[str], relevant: set[str], k: int
) -> None:
    for name in ("recall", "map", "share", "reached"):
        assert AT_K[name]([ranking], [relevant], k) == AT_K[name]([ranking], [relevant], 6)
    hits = len(relevant)
    assert precision_at_k([ranking], [relevant], k) == pytest.approx(hits / k)
