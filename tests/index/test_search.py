import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from index.search import Hit, Page, score, scores_of, search, search_many
from index.snapshot import Snapshot
from models.errors import InputError, SpaceError
from models.query import Query, single
from models.space import Space
from tests.index.galleries import numbered, query, random_vectors, segment, snapshot_of, space

SQUARE = [[1, 0], [1, 1], [0, 1], [-1, 0]]


def ids(page: Page) -> list[int]:
    return [int(hit.id, 16) for hit in page.hits]


def brute_force(vectors: NDArray[np.float32], asked: Query) -> list[Hit]:
    """Every hit, by the definition: float16 rows of unit length, products summed in float64."""
    units = segment(vectors, numbered(len(vectors))).vectors[0].units
    total = np.zeros(len(units))
    for probe in asked.probes:
        for row, stored in enumerate(units):
            products = stored.astype(np.float64) * probe.vector.astype(np.float64)
            total[row] += probe.weight * products.sum()
    scores = total.astype(np.float32)
    ranked = sorted(zip(-scores, numbered(len(units)), strict=True))
    return [Hit(id_, float(-negative)) for negative, id_ in ranked]


def pages(snapshot: Snapshot, asked: Query, limit: int, **options: float) -> list[Hit]:
    """All hits, a page at a time."""
    page = search(snapshot, asked, limit=limit, min_score=options.get("min_score"))
    hits = list(page.hits)
    while page.next_cursor:
        page = search(
            snapshot,
            asked,
            limit=limit,
            cursor=page.next_cursor,
            min_score=options.get("min_score"),
        )
        hits += page.hits
    return hits


def test_the_nearest_come_first() -> None:
    page = search(snapshot_of(SQUARE), query([2, 0.1]))
    assert ids(page) == [0, 1, 2, 3]
    assert page.next_cursor is None


def test_a_score_is_the_cosine() -> None:
    scores = [hit.score for hit in search(snapshot_of(SQUARE), query([1, 0])).hits]
    assert scores == pytest.approx([1, 2**-0.5, 0, -1], abs=1e-3)


def test_ties_are_in_order_of_ids() -> None:
    vectors, shuffled = [[1, 0]] * 5, [numbered(5)[at] for at in (3, 0, 4, 2, 1)]
    assert ids(search(snapshot_of(vectors, shuffled), query([1, 0]))) == [0, 1, 2, 3, 4]


def test_ids_that_differ_only_in_their_last_half_are_told_apart() -> None:
    twins = ["ff" * 8 + "ff" * 8, "ff" * 8 + "00" * 8]
    page = search(snapshot_of([[1, 0], [0, 1]], twins), query([0, 1]), without=frozenset(twins[:1]))
    assert [hit.id for hit in page.hits] == twins[1:]


def test_items_left_out_are_not_among_the_hits_and_cost_no_place() -> None:
    page = search(snapshot_of(SQUARE), query([1, 0]), limit=2, without=frozenset(numbered(1)))
    assert ids(page) == [1, 2]


def test_leaving_out_what_is_not_there_changes_nothing() -> None:
    left_out = frozenset(["ab" * 16, "no id", ""])
    assert ids(search(snapshot_of(SQUARE), query([1, 0]), without=left_out)) == [0, 1, 2, 3]


def test_hits_below_the_least_score_are_left_out() -> None:
    page = search(snapshot_of(SQUARE), query([1, 0]), min_score=0.5)
    assert (ids(page), page.next_cursor) == ([0, 1], None)


def test_a_hit_of_exactly_the_least_score_stays() -> None:
    snapshot = snapshot_of(SQUARE)
    second = search(snapshot, query([1, 0])).hits[1].score
    assert ids(search(snapshot, query([1, 0]), min_score=second)) == [0, 1]


def test_probes_are_summed_by_weight_and_a_negative_weight_pushes_away() -> None:
    page = search(snapshot_of(SQUARE), query([1, 0], [0, 1], weights=[1.0, -0.5]))
    assert ids(page) == [0, 1, 2, 3]
    scores = [hit.score for hit in page.hits]
    assert scores == pytest.approx([1, 0.5 * 2**-0.5, -0.5, -1], abs=1e-3)


def test_the_last_page_has_no_cursor_even_when_it_is_full() -> None:
    first = search(snapshot_of(SQUARE), query([1, 0]), limit=2)
    second = search(snapshot_of(SQUARE), query([1, 0]), limit=2, cursor=first.next_cursor)
    assert (ids(first), ids(second), second.next_cursor) == ([0, 1], [2, 3], None)


def test_an_empty_gallery_has_no_hits() -> None:
    asked = query([1, 0])
    assert search(snapshot_of(np.empty((0, 2))), asked) == Page((), None, asked)


@pytest.mark.parametrize("limit", [1, 7, 999, 1000])
def test_3000_equal_vectors_are_paged_through_once_each_in_order_of_ids(limit: int) -> None:
    shuffled = list(np.random.default_rng(1).permutation(numbered(3000)))
    snapshot = snapshot_of(np.ones((3000, 8)), shuffled)
    hits = pages(snapshot, query(np.ones(8)), limit) if limit > 1 else []
    first = search(snapshot, query(np.ones(8)), limit=limit)
    assert [hit.id for hit in first.hits] == numbered(limit)
    assert limit == 1 or [hit.id for hit in hits] == numbered(3000)


def test_a_tie_across_the_end_of_the_index_proposals_is_in_order_of_ids() -> None:
    vectors = np.concatenate([np.tile([1, 0], (900, 1)), np.tile([1, 1], (2100, 1))])
    hits = pages(snapshot_of(vectors), query([1, 0]), 333)
    assert [hit.id for hit in hits] == numbered(3000)


@pytest.mark.parametrize("limit", [1, 10, 1000])
@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.5], [1.0, -0.5]])
def test_a_page_is_what_brute_force_finds(limit: int, weights: list[float]) -> None:
    generator = np.random.default_rng(limit)
    vectors = random_vectors(generator, 2500, 24)
    asked = query(*random_vectors(generator, len(weights), 24), weights=weights)
    page = search(snapshot_of(vectors), asked, limit=limit)
    assert list(page.hits) == brute_force(vectors, asked)[:limit]


@pytest.mark.parametrize("limit", [170, 1000])
def test_pages_are_one_long_ranking(limit: int) -> None:
    generator = np.random.default_rng(5)
    vectors = random_vectors(generator, 2500, 16).round()  # rounding makes many ties
    vectors[:, 0] = 1
    asked = query(random_vectors(generator, 1, 16)[0])
    ranking = brute_force(vectors, asked)
    snapshot = snapshot_of(vectors)
    assert pages(snapshot, asked, limit) == ranking
    kept = [hit for hit in ranking if hit.score >= np.float32(0.1)]
    assert pages(snapshot, asked, limit, min_score=0.1) == kept


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60), dimension=st.integers(2, 40))
def test_any_small_gallery_is_ranked_as_brute_force_ranks_it(
    seed: int, count: int, dimension: int
) -> None:
    generator = np.random.default_rng(seed)
    vectors = random_vectors(generator, count, dimension)
    asked = query(*random_vectors(generator, 2, dimension), weights=[1.0, 0.7])
    snapshot = snapshot_of(vectors, rows_a_segment=7)
    assert list(search(snapshot, asked, limit=1000).hits) == brute_force(vectors, asked)


@pytest.mark.parametrize("dimension", [2, 7, 64, 512, 1000])
def test_a_rows_score_does_not_depend_on_its_neighbours(dimension: int) -> None:
    generator = np.random.default_rng(dimension)
    units = random_vectors(generator, 300, dimension).astype(np.float16)
    asked = query(*random_vectors(generator, 2, dimension), weights=[1.0, -0.3])
    together = score({space(dimension): units}, asked)
    assert [
        score({space(dimension): units[row : row + 1]}, asked)[0] for row in range(300)
    ] == list(together)
    assert list(score({space(dimension): units[::-3]}, asked)) == list(together[::-3])


def test_a_query_of_another_space_is_refused_naming_both() -> None:
    other = single(Space("other", "f" * 16, 2), np.array([1, 0], dtype=np.float32))
    with pytest.raises(SpaceError, match=rf"other@f+/2.*{space(2)}"):
        search(snapshot_of(SQUARE), other)


def test_a_query_without_probes_is_refused() -> None:
    with pytest.raises(InputError, match="probe"):
        search(snapshot_of(SQUARE), Query(()))


@pytest.mark.parametrize("limit", [-1, 0, 1001])
def test_a_limit_outside_1_to_1000_is_refused(limit: int) -> None:
    with pytest.raises(InputError, match=f"limit is {limit}, expected 1 to 1000"):
        search(snapshot_of(SQUARE), query([1, 0]), limit=limit)


@pytest.mark.parametrize("min_score", [float("nan"), float("inf"), -1e300])
def test_a_least_score_that_is_no_number_is_refused(min_score: float) -> None:
    with pytest.raises(InputError, match="min_score is"):
        search(snapshot_of(SQUARE), query([1, 0]), min_score=min_score)


def cursor_of(values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%%%",
        "é",
        "A" * 5000,
        cursor_of("text"),
        cursor_of([1, 2]),
        cursor_of({"digest": "x"}),
        cursor_of(["x", "1", 0.5, "id"]),
        cursor_of(["x", 1, float("nan"), "id"]),
        cursor_of(["x", 1, float("inf"), "id"]),
        cursor_of(["x", 1, 1e300, "id"]),
        cursor_of(["x", True, 0.5, "id"]),
    ],
)
def test_a_damaged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InputError, match="cursor: damaged"):
        search(snapshot_of(SQUARE), query([1, 0]), cursor=cursor)


def test_a_cursor_of_another_query_is_refused() -> None:
    snapshot = snapshot_of(SQUARE)
    cursor = search(snapshot, query([1, 0]), limit=1).next_cursor
    others: list[tuple[Query, float | None, frozenset[str]]] = [
        (query([0, 1]), None, frozenset()),
        (query([1, 0], weights=[0.5]), None, frozenset()),
        (query([1, 0]), 0.1, frozenset()),
        (query([1, 0]), None, frozenset(numbered(1))),
    ]
    for other, min_score, without in others:
        with pytest.raises(InputError, match="another query"):
            search(snapshot, other, cursor=cursor, min_score=min_score, without=without)


def test_a_cursor_goes_on_in_a_later_generation_without_repeating_a_hit() -> None:
    first = search(snapshot_of(SQUARE), query([1, 0]), limit=2)
    grown = snapshot_of([*SQUARE, [1, 0]], generation=2)
    rest = search(grown, query([1, 0]), cursor=first.next_cursor)
    assert ids(rest) == [2, 3]


def test_many_questions_at_once_find_what_each_finds_alone() -> None:
    generator = np.random.default_rng(3)
    snapshot = snapshot_of(generator.standard_normal((3000, 8)))
    questions = [query(*generator.standard_normal((probes, 8))) for probes in (1, 2, 1)]
    without = [frozenset[str](), frozenset(numbered(3000)[:50]), frozenset({"no id"})]
    together = search_many(snapshot, questions, limit=30, without=without)
    alone = [
        search(snapshot, question, limit=30, without=left_out)
        for question, left_out in zip(questions, without, strict=True)
    ]
    assert together == [list(page.hits) for page in alone]
    assert search_many(snapshot, [], limit=30, without=[]) == []


def test_the_scores_of_rows_are_those_that_a_search_gives() -> None:
    generator = np.random.default_rng(4)
    snapshot = snapshot_of(generator.standard_normal((100, 8)))
    question = query(generator.standard_normal(8))
    rows = np.array([7, 3, 99, 3])
    scores = scores_of(snapshot, question, rows)
    by_id = {hit.id: hit.score for hit in search(snapshot, question, limit=100).hits}
    assert scores.tolist() == [by_id[id_] for id_ in snapshot.gallery.ids(rows)]
