"""Filters as expressions of Milvus's: what they find is what a folder's collection finds."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.filtering.filters import FilterError, parse
from index.milvus.expressions import expression_of, literal
from index.milvus.terms import MAX_TEXT, POSITIONS, encoded, key_of, ordered
from index.served import Collection, open_collection
from tests.fakes import ColourEncoder, picture_bytes
from tests.milvus.published import Lite
from tests.service.conftest import Built, index

HOSTILE = ['"', "\\", "' or 1 == 1 --", "\0", "\n", "é", "\U0001f600", "%", "_", "{x}", "", "]"]
LONG = "long" * MAX_TEXT
CAPTIONS = [None, "a poppy", 'said "so"', "back\\slash", "line\nline", "\u00e9t\u00e9", LONG]
METADATA: list[dict[str, Any]] = [
    {},
    {"rating": 5, "tags": ["a", "b", 'c"']},
    {"rating": 4.5, "tags": "a", 'odd "name"': 1},
    {"rating": "five", "tags": [str(n) for n in range(2 * POSITIONS)]},
    {"rating": [1, "five", True], "big": 2**53 + 1},
    {"rating": -1e300, "big": 2**53, "tags": [LONG, LONG + "!"]},
]
FIELDS = ["rating", "tags", "big", 'odd "name"', "nobody's", "path", "caption", "source", "camera"]
NUMBERS = ["width", "height", "bytes", "latitude", "longitude"]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, lite: Lite) -> Iterator[list[Collection]]:
    """The same pictures in a folder and in Milvus, each with two values of what has several."""
    place = tmp_path_factory.mktemp("filters")
    built = Built(place / "collection", place / "pictures")
    for number, caption in enumerate(CAPTIONS):
        file = built.pictures / f"folder {number % 3}" / f'{number}\'s "{number}".png'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture_bytes((40 * number, 0, 0), (10 + number, 12)))
        if caption is not None:
            file.with_suffix(".txt").write_text(caption)
        file.with_suffix(".json").write_text(json.dumps(METADATA[number % len(METADATA)]))
    again = built.pictures / "again" / "and again.png"
    again.parent.mkdir()
    again.write_bytes(picture_bytes((40, 0, 0), (11, 12)))
    again.with_suffix(".json").write_text(json.dumps({"rating": 1, "tags": ["z"]}))
    index(built, ColourEncoder())
    with ExitStack() as held:
        opened = [open_collection(p) for p in (built.folder, lite.address(built.folder))]
        for each in opened:
            held.callback(each.close)
        yield opened


def found(collection: Collection, content: object) -> set[str]:
    where = parse(content)
    with collection.snapshot() as snapshot:
        selection = snapshot.matching(where)
        rows = selection.rows
        ids = set(snapshot.gallery.ids(rows))
        everyone = snapshot.gallery.rows
        among = everyone[selection.among(everyone)]
        assert set(snapshot.gallery.ids(among)) == ids
        return ids


texts = st.one_of(
    st.sampled_from([*HOSTILE, *[c for c in CAPTIONS if c], "a", "five", "folder 1/", "5", "z"]),
    st.text(st.characters(codec="utf-8"), max_size=5),
)
numbers = st.one_of(
    st.sampled_from([5, 4.5, 1, 0, True, 2**53, 2**53 + 1, -1e300, 11, 12.5, 2**63 - 1, -(2**63)]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**63 - 1),
)


def operators(values: st.SearchStrategy[Any], *, of_text: bool) -> st.SearchStrategy[Any]:
    names = st.sampled_from(["eq", "gt", "gte", "lt", "lte"])
    each = st.dictionaries(names, values, min_size=1, max_size=2)
    listed = st.lists(values, min_size=1, max_size=4).map(lambda known: {"in": known})
    said = st.booleans().map(lambda known: {"exists": known})
    begins = texts.map(lambda text: {"prefix": text})
    return st.one_of(each, listed, said, *([begins] if of_text else []))


def condition(field: str) -> st.SearchStrategy[Any]:
    if field in NUMBERS:
        known = operators(numbers, of_text=False)
    elif field in ("path", "caption", "source", "camera"):
        known = operators(texts, of_text=True)
    else:
        known = operators(st.one_of(texts, numbers), of_text=True)
    return known.map(lambda asked: {"field": field, **asked})


leaves = st.sampled_from([*FIELDS, *NUMBERS]).flatmap(condition)
filters = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=3).map(lambda known: {"and": known}),
        st.lists(parts, min_size=1, max_size=3).map(lambda known: {"or": known}),
        parts.map(lambda known: {"not": known}),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(filters)
def test_both_find_the_same(both: list[Collection], content: dict[str, Any]) -> None:
    try:
        parse(content)
    except FilterError:
        return
    folder, milvus = both
    assert found(milvus, content) == found(folder, content)


@pytest.mark.parametrize("text", [*HOSTILE, 'a" or id != "', "\\", '\\"', "\t\r\n\\n"])
def test_no_text_ends_its_literal(text: str) -> None:
    body = literal(text)[1:-1]
    plain = body.replace("\\\\", "").replace('\\"', "")
    assert '"' not in plain and "\n" not in plain and not plain.endswith("\\")


@pytest.mark.parametrize("name", ["rating", 'odd "name"', "0x41", "", "\0", "é", "a" * 300])
def test_the_name_of_a_field_needs_no_quotes(name: str) -> None:
    assert key_of(name).isascii() and key_of(name).replace("_", "").isalnum()


@given(st.lists(numbers, min_size=2, max_size=2))
def test_encoded_numbers_stand_in_the_order_of_numbers(two: list[float]) -> None:
    first, second = two
    assert (ordered(first) < ordered(second)) == (first < second)
    assert (ordered(first) == ordered(second)) == (first == second)
    assert encoded(second) < encoded("")


def test_a_condition_is_asked_of_as_many_positions_as_there_are() -> None:
    where = parse({"field": "path", "prefix": "a"})
    assert expression_of(where, {"paths": 1}).text.count("paths[") == 2
    assert expression_of(where, {"paths": 3}).text.count("paths[") == 6
