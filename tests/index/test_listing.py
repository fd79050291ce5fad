import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from index.filtering.filters import Filter, parse
from index.filtering.listing import Browsing, Listing, listing
from index.filtering.matching import Few, Limits, Many, Selection, matching
from index.filtering.orders import ORDERS
from index.items import Item
from models.errors import CursorError, InputError
from tests.index.facts import Counted, at, catalogue_of, gallery_of, item

DATES = [None, "2023-05-01T12:00:00", "2023-05-01T12:00:00+02:00", "2021-01-01T00:00:00"]


def album(count: int) -> list[Item]:
    """Few dates, so that there are many ties and many without one; copies, in two sources."""
    drawn = random.Random(7)
    items = []
    for number in range(count):
        name = f"{drawn.choice(['b', 'a', 'sub/a', 'sub/deep/c', 'Ä'])}{number}.jpg"
        places = [at(name, source=drawn.choice(["trip", "home"]))]
        if number % 3 == 0:
            places.append(at(f"copies/{number % 2}/{number}.jpg", source="home"))
        items.append(item(number, *places, taken_at=drawn.choice(DATES), width=number))
    return items


def dated(catalogue: Counted) -> None:
    """Added in three parts, the last ones first."""
    catalogue.connection.execute("UPDATE items SET added_at = '2024-01-0' || (3 - width % 3)")


def place(each: Item, order: str) -> tuple[str | None, str]:
    first = min(each.occurrences, key=lambda o: (o.source, o.path))
    if order == "path":
        return first.source, first.path
    if order == "name":
        return first.path.rpartition("/")[2], each.id
    if order == "added_at":
        return f"2024-01-0{3 - each.width % 3}", each.id
    return each.taken_at, each.id


def expected(items: Sequence[Item], order: str, descending: bool) -> list[str]:
    keys = {each.id: place(each, order) for each in items}
    valued = sorted((i for i, k in keys.items() if k[0] is not None), key=lambda i: keys[i])
    without = sorted(i for i, k in keys.items() if k[0] is None)
    return [*valued[::-1], *without[::-1]] if descending else [*valued, *without]


class Listed:
    """A catalogue and its gallery, paged through."""

    def __init__(
        self, items: Sequence[Item], limits: Limits | None = None, walked: int = 20_000
    ) -> None:
        self.limits, self.walked = limits or Limits(), walked
        self.catalogue, self.gallery = catalogue_of(items), gallery_of(items)
        dated(self.catalogue)

    def selection(self, where: Filter | None) -> Selection | None:
        if where is None:
            return None
        return matching(self.catalogue, self.gallery, where, self.limits)

    def page(self, browsing: Browsing) -> Listing:
        selection = self.selection(browsing.where)
        return listing(self.catalogue, self.gallery, browsing, selection, self.walked)

    def all(self, browsing: Browsing) -> list[str]:
        ids: list[str] = []
        while True:
            page = self.page(browsing)
            ids += page.ids
            if page.next_cursor is None:
                return ids
            assert len(page.ids) == browsing.limit
            browsing = replace(browsing, cursor=page.next_cursor)


MANY = Limits(one_by_one=0, few=0)
WIDE = parse({"or": [{"field": "width", "lt": 9}, {"field": "width", "gte": 30}]})


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_the_pages_are_all_items_in_order(order: str, descending: bool) -> None:
    items = album(60)
    for limit in (1, 7, 60, 61):
        listed = Listed(items).all(Browsing(order, descending, limit))
        assert listed == expected(items, order, descending)


@pytest.mark.parametrize("walked", [0, 10, 10_000])
@pytest.mark.parametrize("limits", [Limits(), MANY])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_a_filters_pages_are_its_items_in_order_however_they_are_found(
    order: str, descending: bool, limits: Limits, walked: int
) -> None:
    items = album(60)
    kept = [each for each in items if each.width < 9 or each.width >= 30]
    under_test = Listed(items, limits, walked)
    assert isinstance(under_test.selection(WIDE), Few if limits == Limits() else Many)
    for limit in (4, 100):
        pages = under_test.all(Browsing(order, descending, limit, where=WIDE))
        assert pages == expected(kept, order, descending)
    assert under_test.page(Browsing(order, where=WIDE)).total == len(kept)
    assert under_test.page(Browsing(order)).total == len(items)


def test_a_page_says_when_its_items_were_added() -> None:
    page = Listed(album(4)).page(Browsing("path", False, 2))
    assert page.added_at == {id_: f"2024-01-0{3 - int(id_, 16) % 3}" for id_ in page.ids}


def test_items_that_come_and_go_between_pages_repeat_none_and_lose_none_that_stays() -> None:
    items = album(40)
    before = Listed(items[5:30])
    first = before.page(Browsing("taken_at", True, 10))
    after = Listed([*items[:20], *items[25:]])
    rest = after.all(Browsing("taken_at", True, 10, cursor=first.next_cursor))
    stayed = {each.id for each in (*items[5:20], *items[25:30])}
    assert not set(first.ids) & set(rest)
    assert stayed <= {*first.ids, *rest}


def test_a_page_costs_as_much_as_it_holds() -> None:
    """SQLite's own count of its steps, of a page in the middle of many ties."""
    items = [item(n, at(f"{n:05}.jpg"), taken_at="2023-01-01T00:00:00") for n in range(5000)]
    catalogue, gallery = catalogue_of(items), gallery_of(items)
    cursors = {}
    for order, descending in itertools.product(ORDERS, (False, True)):
        page = listing(catalogue, gallery, Browsing(order, descending, 1000), None)
        cursors[order, descending] = page.next_cursor
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    catalogue.connection.set_progress_handler(count, 100)
    for (order, descending), cursor in cursors.items():
        steps = 0
        listing(catalogue, gallery, Browsing(order, descending, 10, cursor), None)
        assert steps < 40, (order, descending)  # of 100 instructions each; all items are 5,000


def test_what_is_no_listing_is_refused() -> None:
    for asked in ({"order": "size"}, {"limit": 0}, {"limit": 1001}):
        with pytest.raises(InputError, match="expected"):
            Browsing(**asked)


def test_a_cursor_of_another_listing_is_refused() -> None:
    under_test = Listed(album(9))
    cursor = under_test.page(Browsing("path", True, 2)).next_cursor
    for other in (
        Browsing("name", True, 2, cursor),
        Browsing("path", False, 2, cursor),
        Browsing("path", True, 2, cursor, WIDE),
    ):
        with pytest.raises(CursorError, match="another listing"):
            under_test.page(other)
    assert len(under_test.page(Browsing("path", True, 5, cursor)).ids) == 5


@pytest.mark.parametrize("cursor", ["", "!", "e30", "WzEsMiwzXQ", "WyJhIl0", "A" * 50_000])
def test_a_damaged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(CursorError, match="damaged"):
        Listed(album(2)).page(Browsing(cursor=cursor))
