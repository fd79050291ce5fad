"""Searching under a filter, whatever it selects."""

from pathlib import Path

import numpy as np
import pytest

from index.filtering.filters import Filter, parse
from index.filtering.matching import Few, Many, Selection
from index.folder import CollectionFolder
from index.gallery import Gallery
from index.search import Hit, search
from index.searching.hybrid import Extent, search_hybrid
from index.snapshot import Snapshot
from models.errors import InputError
from tests.index.facts import at, catalogue_of, item, snapshot_with
from tests.index.galleries import query, random_vectors, snapshot_of

ROWS = 3000
WHERE = parse({"field": "width", "gt": 0})


class Selecting(Snapshot):
    """Of which every filter selects the same."""

    def __init__(self, gallery: Gallery, selection: Selection) -> None:
        super().__init__(CollectionFolder(Path("nowhere")), catalogue_of([]), gallery, {})
        self._selection = selection

    def matching(self, filter: Filter) -> Selection:  # noqa: A002
        return self._selection


def selections(mask: np.ndarray) -> list[Selection]:
    return [Few(np.flatnonzero(mask)), Many(mask)]


@pytest.mark.parametrize("share", [0.9, 0.5, 0.03, 0.001, 0])
@pytest.mark.parametrize("weights", [[1.0], [1.0, -0.5]])
def test_hits_are_the_best_of_what_the_filter_selects(share: float, weights: list[float]) -> None:
    generator = np.random.default_rng(7)
    vectors = random_vectors(generator, ROWS, 16)
    gallery = snapshot_of(vectors).gallery
    asked = query(*random_vectors(generator, len(weights), 16), weights=weights)
    mask = generator.random(ROWS) < share
    rows = {id_: row for row, id_ in enumerate(gallery.ids(np.arange(ROWS)))}
    ranking: list[Hit] = []
    cursor = None
    while True:
        page = search(snapshot_of(vectors), asked, limit=1000, cursor=cursor)
        ranking += page.hits
        cursor = page.next_cursor
        if cursor is None:
            break
    expected = [hit for hit in ranking if mask[rows[hit.id]]]
    for selection in selections(mask):
        page = search(Selecting(gallery, selection), asked, limit=50, where=WHERE)
        assert list(page.hits) == expected[:50]
        assert (page.next_cursor is None) == (len(expected) <= 50)


@pytest.mark.parametrize("limit", [70, 1000])
def test_pages_under_a_filter_are_one_ranking(limit: int) -> None:
    generator = np.random.default_rng(8)
    vectors = random_vectors(generator, ROWS, 4).round()  # many ties
    vectors[:, 0] = 1
    gallery = snapshot_of(vectors).gallery
    asked = query([1, 0.5, 0.25, 2])
    mask = generator.random(ROWS) < 0.5
    for selection in selections(mask):
        snapshot, cursor = Selecting(gallery, selection), None
        hits: list[Hit] = []
        while True:
            page = search(snapshot, asked, limit=limit, cursor=cursor, where=WHERE)
            hits += page.hits
            cursor = page.next_cursor
            if cursor is None:
                break
        assert len({hit.id for hit in hits}) == len(hits) == np.count_nonzero(mask)
        assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.id))


def test_a_cursor_of_another_filter_is_refused() -> None:
    items = [item(number, at(f"{number}.png"), width=number + 1) for number in range(4)]
    snapshot = snapshot_with(items, [[1, 0], [1, 1], [0, 1], [-1, 0]])
    asked = query([1, 0])
    cursor = search(snapshot, asked, limit=1, where=WHERE).next_cursor
    assert [hit.id for hit in search(snapshot, asked, cursor=cursor, where=WHERE).hits] == [
        each.id for each in items[1:]
    ]
    for other in (None, parse({"field": "width", "gt": 1})):
        with pytest.raises(InputError, match="another query"):
            search(snapshot, asked, cursor=cursor, where=other)


def test_both_rankings_of_a_hybrid_search_are_of_what_the_filter_selects() -> None:
    items = [item(number, at(f"{number}.png", "dog"), width=number) for number in range(4)]
    snapshot = snapshot_with(items, [[1, 0], [1, 1], [0, 1], [-1, 0]])
    where = parse({"field": "width", "gte": 2})
    page = search_hybrid(snapshot, query([1, 0]), "dog", Extent(where=where))
    # third and fourth of all, but first and second of these, in both rankings
    assert [(int(hit.id, 16), hit.score) for hit in page.hits] == [(2, 2 / 61), (3, 2 / 62)]
