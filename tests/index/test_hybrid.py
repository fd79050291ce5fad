import pytest

from index.filtering.filters import parse
from index.search import Hit, Page, search
from index.searching.fusing import fuse
from index.searching.hybrid import Extent, search_hybrid, search_words
from index.snapshot import Snapshot
from models.errors import InputError
from models.query import Query
from tests.index.facts import at, item, snapshot_with
from tests.index.galleries import numbered, query

ITEMS = [
    item(0, at("a.png", "red dog")),
    item(1, at("b.png", "blue dog")),
    item(2, at("c.png", "a cat")),
    item(3, at("IMG_2041.png"), width=640),
    item(4, at("d.png", "red dog and cat"), width=640),
]
VECTORS = [[1, 0], [3, 1], [1, 1], [0, 1], [-1, 0]]  # in order of their nearness to (1, 0)
EAST = query([1, 0])
LARGE = parse({"field": "width", "gt": 32})


def snapshot() -> Snapshot:
    return snapshot_with(ITEMS, VECTORS)


def numbers(page: Page) -> list[int]:
    return [int(hit.id, 16) for hit in page.hits]


def all_of(text: str, extent: Extent, question: Query | None = None) -> list[Hit]:
    """Every hit, a page at a time."""
    hits: list[Hit] = []
    cursor = None
    while True:
        part = Extent(extent.limit, cursor, extent.min_score, extent.without, extent.where)
        if question is None:
            page = search_words(snapshot(), text, part)
        else:
            page = search_hybrid(snapshot(), question, text, part)
        hits += page.hits
        cursor = page.next_cursor
        if cursor is None:
            return hits


def test_places_are_fused_by_their_reciprocals() -> None:
    fused = fuse([["a", "b", "c"], ["c", "a"], []])
    assert fused == [("a", 1 / 61 + 1 / 62), ("c", 1 / 63 + 1 / 61), ("b", 1 / 62)]


def test_fused_ties_are_in_order_of_ids() -> None:
    assert [id_ for id_, _ in fuse([["b", "a"], ["a", "b"], ["d"], ["c"]])] == ["a", "b", "c", "d"]
    assert fuse([]) == []


def test_words_rank_items_and_no_vector_is_asked() -> None:
    page = search_words(snapshot(), "red dog", Extent())
    assert sorted(numbers(page)[:2]) == [0, 4] and numbers(page)[2:] == [1]
    assert page.query.probes == () and page.next_cursor is None


def test_a_name_that_no_embedding_knows_is_found_in_both_ways() -> None:
    assert numbers(search_words(snapshot(), "IMG_2041", Extent())) == [3]
    assert numbers(search_hybrid(snapshot(), EAST, "IMG_2041", Extent()))[0] == 3


def test_a_hybrid_score_is_the_fused_one() -> None:
    page = search_hybrid(snapshot(), EAST, "cat", Extent())
    # by vectors 0, 1, 2, 3, 4; by words 2, 4
    scores = {int(hit.id, 16): hit.score for hit in page.hits}
    assert scores == {
        2: pytest.approx(1 / 63 + 1 / 61),
        4: pytest.approx(1 / 65 + 1 / 62),
        0: pytest.approx(1 / 61),
        1: pytest.approx(1 / 62),
        3: pytest.approx(1 / 64),
    }
    assert numbers(page) == [2, 4, 0, 1, 3]
    assert page.query == EAST


def test_where_no_word_is_found_a_hybrid_ranking_is_that_of_the_vectors() -> None:
    page = search_hybrid(snapshot(), EAST, "elephant", Extent())
    assert numbers(page) == [int(hit.id, 16) for hit in search(snapshot(), EAST).hits]


@pytest.mark.parametrize("question", [None, EAST])
def test_a_filter_and_what_is_left_out_hold_in_both_ways(question: Query | None) -> None:
    dogs = all_of("dog", Extent(where=LARGE), question)
    assert {int(hit.id, 16) for hit in dogs} == ({4} if question is None else {3, 4})
    without = all_of("dog", Extent(without=frozenset(numbered(5)[4:])), question)
    assert {int(hit.id, 16) for hit in without} == ({0, 1} if question is None else {0, 1, 2, 3})


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("question", [None, EAST])
def test_pages_are_one_long_ranking(question: Query | None, limit: int) -> None:
    whole = all_of("red dog cat", Extent(limit=1000), question)
    assert len(whole) == (4 if question is None else 5)
    assert all_of("red dog cat", Extent(limit=limit), question) == whole


@pytest.mark.parametrize("question", [None, EAST])
def test_hits_below_the_least_score_are_left_out(question: Query | None) -> None:
    whole = all_of("red dog", Extent(), question)
    least = whole[1].score
    kept = [hit for hit in whole if hit.score >= least]
    assert 2 <= len(kept) < len(whole)
    assert all_of("red dog", Extent(min_score=least), question) == kept


def test_a_cursor_of_another_search_is_refused() -> None:
    extent = Extent(limit=1)
    words = search_words(snapshot(), "dog", extent).next_cursor
    hybrid = search_hybrid(snapshot(), EAST, "dog", extent).next_cursor
    near = search(snapshot(), EAST, limit=1).next_cursor
    for cursor in (hybrid, near):
        with pytest.raises(InputError, match="another query"):
            search_words(snapshot(), "dog", Extent(cursor=cursor))
    for cursor in (words, near):
        with pytest.raises(InputError, match="another query"):
            search_hybrid(snapshot(), EAST, "dog", Extent(cursor=cursor))
    for other in (
        Extent(cursor=words, where=LARGE),
        Extent(cursor=words, min_score=0.1),
        Extent(cursor=words, without=frozenset(numbered(1))),
    ):
        with pytest.raises(InputError, match="another query"):
            search_words(snapshot(), "dog", other)
    with pytest.raises(InputError, match="another query"):
        search_words(snapshot(), "dogs", Extent(cursor=words))
    with pytest.raises(InputError, match="another query"):
        search_hybrid(snapshot(), query([0, 1]), "dog", Extent(cursor=hybrid))
    with pytest.raises(InputError, match="damaged"):
        search_words(snapshot(), "dog", Extent(cursor="%"))


@pytest.mark.parametrize(
    "extent", [{"limit": 0}, {"limit": 1001}, {"min_score": float("nan")}, {"min_score": 1e300}]
)
def test_an_extent_out_of_range_is_refused(extent: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected"):
        Extent(**extent)  # type: ignore[arg-type]
