"""Metrics on ids: the answers are worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics import map_at_k, recall_at_k
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


@given(st.permutations(list("abcdef")), st.sets(st.sampled_from("abcdef"), min_size=1))
def test_both_stay_between_0_and_1_and_recall_grows_with_k(
    ranking: list[str], relevant: set[str]
) -> None:
    recalls = [recall_at_k([ranking], [relevant], k) for k in range(1, 7)]
    assert recalls == sorted(recalls) and recalls[-1] == 1
    assert all(0 <= map_at_k([ranking], [relevant], k) <= 1 for k in range(1, 7))
