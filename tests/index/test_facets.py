import random
from collections import Counter
from typing import Any

import pytest

from index.filtering.facets import Counting, Facets, facets
from index.filtering.fields import metadata_names, misnamed, nearest, unknown
from index.filtering.filters import FilterError, parse
from index.filtering.matching import Limits, matching
from index.items import Item, Occurrence
from models.errors import InputError
from tests.index.facts import at, catalogue_of, gallery_of, item

ITEMS = [
    item(0, at("trip/2023/a.jpg", tags=5), at("home/a.jpg"), taken_at="2023-05-01T10:00:00"),
    item(1, at("trip/2023/b.jpg", tags="snow"), taken_at="2023-05-09T10:00:00", camera="K"),
    item(2, at("trip/2024/c.jpg", tags="snow"), taken_at="2024-01-01T10:00:00", camera="K"),
    item(3, at("trip/d.jpg", tags="dog"), width=640, latitude=-0.5, camera="C"),
    item(4, at("e.jpg"), at("https://example.org/x/e.jpg", source="web"), bytes=2500),
]
MANY = Limits(one_by_one=0, few=0)


def count(counting: Counting, items: list[Item] = ITEMS, limits: Limits = MANY) -> Facets:
    catalogue, gallery = catalogue_of(items), gallery_of(items)
    where = counting.where
    selection = None if where is None else matching(catalogue, gallery, where, limits)
    return facets(catalogue, gallery, counting, selection)


def counted(field: str, **asked: Any) -> list[tuple[object, int]]:  # noqa: ANN401
    return [(each.value, each.count) for each in count(Counting(field, **asked)).values]


def test_values_are_counted_most_frequent_first() -> None:
    assert counted("camera") == [("K", 2), ("C", 1)]
    assert counted("tags") == counted("metadata.tags") == [("snow", 2), (5, 1), ("dog", 1)]
    assert counted("format") == [("PNG", 5)]
    assert counted("source") == [("trip", 5), ("web", 1)]
    assert counted("nothing") == []


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (None, [("2023", 2), ("2024", 1)]),
        ("month", [("2023-05", 2), ("2024-01", 1)]),
        ("day", [("2023-05-01", 1), ("2023-05-09", 1), ("2024-01-01", 1)]),
    ],
)
def test_dates_are_counted_by_period_in_order(
    period: str | None, expected: list[tuple[str, int]]
) -> None:
    assert counted("taken_at", period=period) == expected


def test_paths_are_counted_by_the_folders_below_a_prefix() -> None:
    assert counted("path") == [("trip/", 4), ("home/", 1), ("https://", 1)]
    assert counted("path", prefix="trip/") == [("trip/2023/", 2), ("trip/2024/", 1)]
    assert counted("path", prefix="https://") == [("https://example.org/", 1)]
    assert counted("path", prefix="tr") == [("trip/", 4)]
    assert counted("path", prefix="trip/2024/") == counted("path", prefix="nowhere/") == []


def test_numbers_are_counted_by_ranges_in_order() -> None:
    assert counted("width", step=100) == [(0.0, 4), (600.0, 1)]
    assert counted("bytes", step=1000) == [(0.0, 4), (2000.0, 1)]
    assert counted("latitude", step=1) == [(-1.0, 1)]
    assert counted("tags", step=2) == [(4.0, 1)]


def test_a_filter_and_a_limit_restrict_what_is_counted() -> None:
    where = parse({"field": "path", "prefix": "trip/"})
    found = count(Counting("tags", limit=1, where=where))
    assert [(each.value, each.count) for each in found.values] == [("snow", 2)]
    assert (found.other_values, found.items) == (2, 4)
    # the copy counts too, of an item that satisfies it
    assert ("home/", 1) in counted("path", where=where)
    nobody = count(Counting("tags", where=parse({"field": "width", "gt": 9000})))
    assert (nobody.values, nobody.other_values, nobody.items) == ((), 0, 0)


def test_the_limit_keeps_the_most_frequent_dates() -> None:
    found = count(Counting("taken_at", period="day", limit=1))
    assert (found.values[0].value, found.other_values) == ("2023-05-01", 2)


def album(count: int) -> list[Item]:
    drawn = random.Random(5)

    def occurrence(number: int) -> Occurrence:
        folders = drawn.choices(["a", "b", "ä c"], k=drawn.randint(0, 3))
        path = "/".join([*folders, f"{number}.jpg"])
        values: list[Any] = [0.1, 0.3, 0.7, 1, True, "x", "1", -0.3, 2**40, 1e-9]
        return at(path, source=drawn.choice(["s", "t"]), of=drawn.choice(values))

    return [
        item(
            number,
            *(occurrence(2 * number + copy) for copy in range(drawn.randint(1, 2))),
            taken_at=drawn.choice([None, f"20{drawn.randint(10, 12)}-0{drawn.randint(1, 3)}-11"]),
            latitude=drawn.uniform(-1, 1),
        )
        for number in range(count)
    ]


ASKED: list[dict[str, Any]] = [
    {"field": "taken_at", "period": "month"},
    {"field": "added_at"},
    {"field": "path"},
    {"field": "path", "prefix": "a/"},
    {"field": "path", "prefix": "ä c/"},
    {"field": "of"},
    {"field": "of", "step": 0.1},
    {"field": "metadata.of", "step": 1e-3},
    {"field": "of", "step": 1e-15},
    {"field": "of", "step": 1e308},
    {"field": "latitude", "step": 0.1},
    {"field": "source"},
]


@pytest.mark.parametrize("limits", [Limits(), MANY])
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("where", [None, {"field": "latitude", "gt": 0}])
def test_the_filter_of_a_value_finds_as_many_items_as_were_counted(
    asked: dict[str, Any], where: dict[str, Any] | None, limits: Limits
) -> None:
    items = album(80)
    counting = Counting(**asked, where=parse(where) if where else None)
    found = count(counting, items, limits)
    assert found.values
    for each in found.values:
        content = {"and": [each.where, *([where] if where else [])]}
        catalogue, gallery = catalogue_of(items), gallery_of(items)
        assert len(matching(catalogue, gallery, parse(content), limits)) == each.count, each


def test_every_item_counts_once_for_each_of_its_values() -> None:
    items = album(60)
    values = [{place.metadata["of"] for place in each.occurrences} for each in items]
    expected = Counter(value for each in values for value in each)
    found = count(Counting("of", limit=4), items)
    assert {each.value: each.count for each in found.values} == {
        each.value: expected[each.value] for each in found.values
    }
    assert sum(sorted(expected.values())[-4:]) == sum(each.count for each in found.values)
    assert found.other_values == len(expected) - 4


@pytest.mark.parametrize(
    "asked",
    [
        {"field": "camera", "period": "year"},
        {"field": "taken_at", "period": "week"},
        {"field": "camera", "step": 1.0},
        {"field": "taken_at", "step": 1.0},
        {"field": "width", "step": 0.0},
        {"field": "width", "step": float("inf")},
        {"field": "width", "step": float("nan")},
        {"field": "camera", "prefix": "x"},
        {"field": "camera", "limit": 0},
        {"field": "camera", "limit": 1001},
    ],
)
def test_what_does_not_fit_the_field_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Counting(**asked)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(FilterError):
        count(Counting(""))


def test_a_field_that_no_picture_has_is_said_with_the_nearest_one() -> None:
    catalogue = catalogue_of([item(0, at("a.jpg", rating=3, Place="x", tags="y"))])
    assert metadata_names(catalogue) == ["Place", "rating", "tags"]
    where = {"or": [{"field": "ratng", "gt": 1}, {"not": {"field": "place", "exists": True}}]}
    assert misnamed(catalogue, parse({"and": [where, {"field": "ratng", "eq": 5}]})) == [
        "no picture has a field 'ratng'; did you mean 'rating'?",
        "no picture has a field 'place'; did you mean 'Place'?",
    ]
    assert misnamed(catalogue, parse({"field": "Width", "gt": 1})) == [
        "no picture has a field 'Width'; did you mean 'width'?"
    ]
    assert misnamed(catalogue, parse({"field": "zzzzzz", "exists": True})) == [
        "no picture has a field 'zzzzzz'"
    ]
    known = {"and": [{"field": "metadata.rating", "gt": 1}, {"field": "path", "prefix": "a"}]}
    assert misnamed(catalogue, parse(known)) == unknown(catalogue, "width") == []


def test_there_is_no_nearest_name_among_none() -> None:
    assert nearest("rating", []) is None
