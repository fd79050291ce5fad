import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.faiss import exact_index
from index.filtering.columns import Column, Columns
from index.filtering.filters import parse
from index.filtering.matching import Few, Limits, Many, matching
from index.filtering.ranges import EVERYTHING, Range, point
from index.gallery import Gallery, Held
from index.items import Item
from index.vectors.neighbours import TunedIndex
from tests.index.facts import Counted, at, catalogue_of, gallery_of, item
from tests.index.galleries import segment, space

ALL_IN_COLUMNS = Limits(one_by_one=0, few=0)
LIMITS = [Limits(), Limits(one_by_one=2, few=3), ALL_IN_COLUMNS]

HOLIDAY = [
    item(0, at("beach.png", "Two dogs", rating=5), taken_at="2023-05-01T12:30:00", camera="Pentax"),
    item(1, at("snow.png", rating="5"), at("copy/snow.png", "A dog", rating=2), width=640),
    item(2, at("é.png", source="walk", path="inner", seen=True), latitude=-33.5, longitude=151.0),
    item(3, at("!walk/1.png", source="walk", rating=5.0), format="JPEG", bytes=2**40),
]


def numbers(database: Counted, gallery: Gallery, content: object, limits: Limits) -> list[int]:
    """Of the items that may be hits."""
    selection = matching(database, gallery, parse(content), limits)
    everything = np.arange(len(gallery))
    rows = everything[selection.among(everything)]
    assert len(selection) == len(rows)
    return sorted(int(id_, 16) for id_ in gallery.ids(rows))


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"field": "source", "eq": "walk"}, [2, 3]),
        ({"field": "path", "prefix": "!walk/"}, [3]),
        ({"field": "path", "exists": False}, []),
        ({"field": "path", "eq": "é.png"}, [2]),
        ({"field": "path", "in": ["copy/snow.png", "beach.png", "none"]}, [0, 1]),
        ({"field": "caption", "exists": True}, [0, 1]),
        ({"field": "caption", "prefix": "Two"}, [0]),
        ({"field": "taken_at", "gte": "2023", "lt": "2024"}, [0]),
        ({"field": "taken_at", "exists": False}, [1, 2, 3]),
        ({"field": "camera", "eq": "pentax"}, []),
        ({"field": "latitude", "lt": 0}, [2]),
        ({"field": "longitude", "gt": 150.9, "lte": 151}, [2]),
        ({"field": "width", "in": [32, 640]}, [0, 1, 2, 3]),
        ({"field": "height", "eq": 24.0}, [0, 1, 2, 3]),
        ({"field": "bytes", "gte": 2**40}, [3]),
        ({"field": "format", "eq": "JPEG"}, [3]),
        ({"field": "rating", "eq": 5}, [0, 3]),
        ({"field": "rating", "eq": "5"}, [1]),
        ({"field": "rating", "exists": True}, [0, 1, 3]),
        ({"field": "seen", "eq": True}, [2]),
        ({"field": "seen", "eq": 1}, [2]),
        ({"field": "path", "eq": "inner"}, []),
        ({"field": "metadata.path", "eq": "inner"}, [2]),
        ({"field": "nothing", "exists": True}, []),
        ({"field": "nothing", "exists": False}, [0, 1, 2, 3]),
    ],
)
def test_a_condition_finds_the_items_that_satisfy_it_whatever_the_limits(
    content: dict[str, Any], expected: list[int], limits: Limits
) -> None:
    assert numbers(catalogue_of(HOLIDAY), gallery_of(HOLIDAY), content, limits) == expected


@pytest.mark.parametrize("limits", LIMITS)
def test_an_item_matches_if_any_of_its_occurrences_does(limits: Limits) -> None:
    database, gallery = catalogue_of(HOLIDAY), gallery_of(HOLIDAY)
    copied = {"field": "path", "prefix": "copy/"}
    both = {"and": [copied, {"field": "path", "eq": "snow.png"}]}
    assert numbers(database, gallery, both, limits) == [1]
    assert numbers(database, gallery, {"not": copied}, limits) == [0, 2, 3]


@pytest.mark.parametrize("limits", LIMITS)
def test_the_operators_of_one_object_want_one_value_that_satisfies_them_all(limits: Limits) -> None:
    twice = [item(0, at("a", rating=1), at("b", rating=9))]
    database, gallery = catalogue_of(twice), gallery_of(twice)
    one = {"field": "rating", "gt": 2, "lt": 8}
    each = {"and": [{"field": "rating", "gt": 2}, {"field": "rating", "lt": 8}]}
    assert numbers(database, gallery, one, limits) == []
    assert numbers(database, gallery, each, limits) == [0]


@pytest.mark.parametrize(
    "content", [{"field": "width", "eq": 32}, {"not": {"field": "width", "eq": 1}}]
)
def test_many_rows_are_a_mask_and_few_are_their_numbers(content: dict[str, Any]) -> None:
    items = [item(number, at(str(number))) for number in range(9)]
    database, gallery = catalogue_of(items), gallery_of(items)
    few = matching(database, gallery, parse(content), Limits(few=9))
    assert isinstance(few, Few) and few.rows.tolist() == list(range(9))
    many = matching(database, gallery, parse(content), Limits(one_by_one=2, few=8))
    assert isinstance(many, Many) and many.mask.tolist() == [True] * 9


def test_a_gallery_without_items_has_no_matches() -> None:
    assert numbers(catalogue_of([]), gallery_of([]), {"field": "width", "eq": 1}, Limits()) == []
    assert numbers(catalogue_of([]), gallery_of([]), {"field": "a", "eq": 1}, ALL_IN_COLUMNS) == []


def test_items_that_the_gallery_does_not_hold_are_no_matches() -> None:
    for limits in LIMITS:
        content = {"field": "width", "eq": 32}
        found = numbers(catalogue_of(HOLIDAY), gallery_of(HOLIDAY[:1]), content, limits)
        assert found == [0]


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize(
    "content", [{"field": "width", "lt": 0}, {"not": {"field": "width", "gt": 0}}]
)
def test_rows_whose_items_have_left_match_nothing(content: dict[str, Any], limits: Limits) -> None:
    items = [item(0, at("a"), width=-1), item(1, at("b"), width=-1)]
    held = segment(np.ones((3, 2)), [items[1].id, items[0].id, items[1].id])
    index = exact_index(2, [held.vectors[0].units])
    gallery = Gallery(1, (space(2),), Held([held], [TunedIndex(index)], dead=np.array([0])))
    selection = matching(catalogue_of(items), gallery, parse(content), limits)
    assert selection.among(np.arange(3)).tolist() == [False, True, True]


def test_a_column_is_made_once_a_generation() -> None:
    database, gallery = catalogue_of(HOLIDAY), gallery_of(HOLIDAY)
    wide = {"field": "width", "gte": 33}
    numbers(database, gallery, wide, ALL_IN_COLUMNS)
    asked = len(database.asked)
    for content in (wide, {"not": wide}, {"field": "width", "lte": 32}):
        numbers(database, gallery, content, ALL_IN_COLUMNS)
    assert not any("ORDER BY" in statement for statement in database.asked[asked:])


def test_a_column_is_made_once_as_much_was_read_without_it_as_it_takes() -> None:
    items = [item(number, at(f"{number}"), width=number) for number in range(30)]
    database, gallery = catalogue_of(items), gallery_of(items)
    for number in range(40):
        assert numbers(database, gallery, {"field": "width", "eq": number % 30}, Limits(few=3)) == [
            number % 30
        ]
    made = [number for number, asked in enumerate(database.asked) if "ORDER BY" in asked]
    assert len(made) == 1 and 30 <= made[0] < 40


def test_the_rest_of_an_and_is_asked_only_of_the_few_that_satisfy_its_selective_part() -> None:
    items = [item(number, at(f"{number}"), width=number) for number in range(100)]
    database, gallery = catalogue_of(items), gallery_of(items)
    parts = [
        {"field": "bytes", "eq": 100},
        {"field": "width", "in": [3, 7]},
        {"field": "path", "gt": "4"},
    ]
    assert numbers(database, gallery, {"and": parts}, Limits(one_by_one=5, few=10)) == [7]
    assert not any("ORDER BY" in statement for statement in database.asked)


def test_columns_that_take_too_much_together_leave_the_least_recently_wanted_first() -> None:
    made: list[str] = []
    items = [item(number, at(str(number))) for number in range(300)]
    database, gallery = catalogue_of(items), gallery_of(items)

    def make(name: str) -> Callable[[], Column]:
        def column() -> Column:
            made.append(name)
            return Column.make(name, database, gallery)

        return column

    columns = Columns(budget_bytes=5_000)  # a column of these takes 1,200 bytes and its marks
    for name in ("width", "height", "bytes", "width", "format", "height"):
        columns.get(name, make(name))
    assert made == ["width", "height", "bytes", "format", "height"]


VALUES: list[str | int | float] = [
    *[number / 7 for number in range(150)],
    *[5] * 200,
    2**53,
    2**53 + 1,
    *[f"text {number:03}" for number in range(150)],
    *["text 100"] * 70,
    "",
    "\U0010ffff",
]


def below_all(value: str | int | float) -> Range:
    """What comes before a value, numbers before texts."""
    return Range(EVERYTHING.low, point(value).low)


def test_a_column_knows_the_place_of_every_edge_among_many_values() -> None:
    items = [item(number, at(f"{number}", mixed=value)) for number, value in enumerate(VALUES)]
    database, gallery = catalogue_of(items), gallery_of(items)
    column = Column.make("metadata.mixed", database, gallery)
    assert len(column.marks.edges) < len(VALUES) / 15
    for value in [*VALUES, 5.001, -1, 2**53 + 2, "text 0995", "a", "z"]:
        below, same = column.slices([below_all(value), point(value)], database, gallery)
        for found, kept in ((below, below_all(value)), (same, point(value))):
            expected = [number for number, each in enumerate(VALUES) if kept.holds(each)]
            ids = gallery.ids(found.astype(np.int64))
            assert sorted(int(id_, 16) for id_ in ids) == expected


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
SCALARS = st.one_of(st.integers(-2, 2), st.sampled_from([0.5, 1.0, "", "a", "ab", "b"]))


def values_of(each: Item, field: str) -> list[Any]:
    if field == "width":
        return [each.width]
    if field == "path":
        return list(each.paths)
    return [o.metadata["tag"] for o in each.occurrences if "tag" in o.metadata]


def satisfies(each: Item, content: dict[str, Any]) -> bool:
    """By the definition, without ranges, columns or SQL."""
    if "field" not in content:
        ((name, inner),) = content.items()
        if name == "not":
            return not satisfies(each, inner)
        joined = [satisfies(each, part) for part in inner]
        return all(joined) if name == "and" else any(joined)
    values = values_of(each, content["field"])
    if content.get("exists") is False:
        return not values
    asked = {name: bound for name, bound in content.items() if name not in ("field", "exists")}
    return any(all(compares(value, *each) for each in asked.items()) for value in values)


def compares(value: Any, name: str, bound: Any) -> bool:  # noqa: ANN401
    if name == "in":
        return any(compares(value, "eq", each) for each in bound)
    if name == "prefix":
        return isinstance(value, str) and value.startswith(bound)
    return isinstance(value, str) == isinstance(bound, str) and OPERATORS[name](value, bound)


def conditions(field: str, scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    operators: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(OPERATORS, scalars),
        "in": st.lists(scalars, min_size=1, max_size=3),
        "exists": st.just(True),
    }
    if field != "width":
        operators["prefix"] = st.sampled_from(["", "a", "ab", "b"])
    present = st.fixed_dictionaries({}, optional=operators).filter(bool)
    absent = st.just({"exists": False})
    return st.one_of(present, absent).map(lambda content: {"field": field, **content})


TEXTS = st.sampled_from(["", "a", "ab", "b"])
FILTERS = st.recursive(
    st.one_of(
        conditions("tag", SCALARS),
        conditions("path", TEXTS),
        conditions("width", st.sampled_from([0, 1, 1.5, 2])),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"and": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"or": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=5,
)
OCCURRENCES = st.lists(
    st.tuples(TEXTS, st.none() | SCALARS), min_size=1, max_size=3, unique_by=lambda each: each[0]
)


@settings(max_examples=100, deadline=None)
@given(
    content=FILTERS,
    found=st.lists(st.tuples(st.integers(0, 2), OCCURRENCES), max_size=12),
    limits=st.sampled_from(LIMITS),
)
def test_any_filter_finds_what_its_definition_says(
    content: dict[str, Any],
    found: Sequence[tuple[int, list[tuple[str, Any]]]],
    limits: Limits,
) -> None:
    items = [
        item(
            number,
            *(
                # a source of its own keeps equal paths apart
                at(path, source=f"{number}", **({} if tag is None else {"tag": tag}))
                for path, tag in occurrences
            ),
            width=width,
        )
        for number, (width, occurrences) in enumerate(found)
    ]
    expected = [number for number, each in enumerate(items) if satisfies(each, content)]
    assert numbers(catalogue_of(items), gallery_of(items), content, limits) == expected
