import json
import re
from pathlib import Path
from typing import Any

import pytest

from index.filtering.filters import (
    MAX_CHARACTERS,
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_VALUES,
    NUMBERS,
    OPERATORS,
    TEXTS,
    And,
    Condition,
    FilterError,
    Not,
    Or,
    parse,
)
from index.filtering.ranges import EVERYTHING, Range, common, period, point, starting, united

PATH = {"field": "path", "eq": "a.png"}


def condition(**operators: object) -> Condition:
    root = parse(operators).root
    assert isinstance(root, Condition)
    return root


def holds(value: str | int | float, **operators: object) -> bool:
    return any(each.holds(value) for each in condition(**operators).ranges)


def nested(depth: int) -> dict[str, Any]:
    content: dict[str, Any] = PATH
    for _ in range(depth - 1):
        content = {"not": content}
    return content


def test_and_or_and_not_hold_conditions() -> None:
    path = Condition("path", (point("a.png"),))
    assert parse(PATH).root == path
    assert parse({"and": [PATH, {"not": PATH}]}).root == And((path, Not(path)))
    assert parse({"or": [PATH]}).root == Or((path,))


@pytest.mark.parametrize(
    ("operators", "inside", "outside"),
    [
        ({"eq": 3}, [3, 3.0], [2, 4, "3"]),
        ({"gt": 3}, [3.5, 10**18], [3, "4", "a"]),
        ({"gte": 3}, [3, 4], [2.999]),
        ({"lt": 3}, [2, -1e300], [3, ""]),
        ({"lte": 3}, [3], [3.001]),
        ({"in": [1, "b"]}, [1, "b"], ["a", 0, "1"]),
        ({"prefix": "ab"}, ["ab", "abz", "ab\U0010ffff"], ["aa", "b", "a", 5]),
        ({"prefix": "a\ud7ff"}, ["a\ud7ff!"], ["a\ue000"]),
        ({"prefix": "a\U0010ffff"}, ["a\U0010ffffb"], ["b", "a"]),
        ({"prefix": ""}, ["", "x"], [0]),
        ({"gt": "ab", "lt": "ac"}, ["abc"], ["ab", "ac", "b"]),
        ({"gte": 1, "lt": 3, "in": [0, 1, 2, 3]}, [1, 2], [0, 3, 1.5]),
        ({"gt": 3, "lt": 3}, [], [3]),
        ({"gte": 3, "lt": "x"}, [], [3, 4, "a"]),
        ({"eq": True}, [1, 1.0], [0, 2, "true"]),
        ({"exists": True}, [0, "", -1e308], []),
        ({"eq": 2**63}, [float(2**63)], [2**63 - 1]),
        ({"eq": 2**53 + 1}, [2**53 + 1], [2**53, float(2**53)]),
    ],
)
def test_an_operator_says_which_values_will_do(
    operators: dict[str, object], inside: list[Any], outside: list[Any]
) -> None:
    assert [value for value in inside if not holds(value, field="rating", **operators)] == []
    assert [value for value in outside if holds(value, field="rating", **operators)] == []


SECOND = "2023-05-01T12:30:00"


@pytest.mark.parametrize(
    ("operators", "inside", "outside"),
    [
        ({"gte": "2023"}, ["2023-01-01T00:00:00", "2024-01-01T00:00:00"], ["2022-12-31T23:59:59"]),
        ({"gt": "2023"}, ["2024-01-01T00:00:00"], ["2023-12-31T23:59:59+02:00"]),
        ({"lt": "2023-05"}, ["2023-04-30T23:59:59"], ["2023-05-01T00:00:00"]),
        ({"lte": "2023-05"}, ["2023-05-31T23:59:59-11:00"], ["2023-06-01T00:00:00"]),
        ({"eq": "2023-05-01"}, [SECOND, SECOND + "+02:00"], ["2023-05-02T00:00:00"]),
        ({"eq": SECOND}, [SECOND, SECOND + "-05:00"], ["2023-05-01T12:30:01"]),
        ({"in": ["2021", "2023-05"]}, ["2021-07-01T00:00:00", SECOND], ["2022-01-01T00:00:00"]),
        ({"gte": "2023-05-01T12", "lt": "2023-05-01T12:31"}, [SECOND], ["2023-05-01T12:31:00"]),
        ({"prefix": "2023-0"}, [SECOND], ["2023-10-01T00:00:00"]),
    ],
)
def test_a_date_is_a_period_of_the_cameras_clock(
    operators: dict[str, object], inside: list[str], outside: list[str]
) -> None:
    assert [value for value in inside if not holds(value, field="taken_at", **operators)] == []
    assert [value for value in outside if holds(value, field="taken_at", **operators)] == []


def test_what_does_not_exist_is_the_complement_of_what_does() -> None:
    exists = Condition("caption", (EVERYTHING,))
    assert parse({"field": "caption", "exists": True}).root == exists
    assert parse({"field": "caption", "exists": False}).root == Not(exists)


def test_a_name_of_no_built_in_field_is_metadata_and_any_metadata_can_be_said_so() -> None:
    assert condition(field="rating", eq=1).field == "metadata.rating"
    assert condition(field="metadata.rating", eq=1).field == "metadata.rating"
    assert condition(field="metadata.path", eq=1).field == "metadata.path"
    assert condition(field="path", eq="a").field == "path"


@pytest.mark.parametrize(
    ("content", "location", "reason"),
    [
        (None, (), "expected an object, got null"),
        ([PATH], (), "got a list"),
        ("path", (), "got a text"),
        ({}, (), "expected one of and, or, not"),
        ({"nor": [PATH]}, (), "expected one of and, or, not"),
        ({"and": [PATH], "or": [PATH]}, (), "expected one of and, or, not"),
        ({"and": []}, ("and",), "one or more"),
        ({"or": PATH}, ("or",), "a list"),
        ({"not": [PATH]}, ("not",), "got a list"),
        ({"and": [PATH, {"or": [7]}]}, ("and", 1, "or", 0), "got a number"),
        ({"field": "path"}, (), "an operator"),
        ({"field": 7, "eq": 1}, ("field",), "name"),
        ({"field": "", "eq": 1}, ("field",), "name"),
        ({"field": "metadata.", "eq": 1}, ("field",), "name"),
        ({"field": "path", "like": "%"}, (), "'like' is none of eq,"),
        ({"field": "path", "eq": "a", "and": [PATH]}, (), "'and' is none of"),
        ({"field": "path", "eq": 5}, ("eq",), "expected a text, got a number"),
        ({"field": "width", "gte": "5"}, ("gte",), "expected a number, got a text"),
        ({"field": "width", "eq": True}, ("eq",), "got a truth value"),
        ({"field": "width", "prefix": "1"}, ("prefix",), "width is a number"),
        ({"field": "rating", "prefix": 1}, ("prefix",), "expected a text"),
        ({"field": "rating", "eq": None}, ("eq",), "got null"),
        ({"field": "rating", "eq": [1]}, ("eq",), "got a list"),
        ({"field": "rating", "eq": float("nan")}, ("eq",), "out of range"),
        ({"field": "rating", "eq": float("inf")}, ("eq",), "out of range"),
        ({"field": "rating", "eq": 10**400}, ("eq",), "out of range"),
        ({"field": "rating", "eq": "\ud800"}, ("eq",), "half of a character"),
        ({"field": "\ud800", "eq": 1}, ("field",), "half of a character"),
        ({"field": "rating", "in": 1}, ("in",), "list"),
        ({"field": "rating", "in": []}, ("in",), "list"),
        ({"field": "rating", "in": [1, {}]}, ("in", 1), "got an object"),
        ({"field": "rating", "exists": 1}, ("exists",), "true or false"),
        ({"field": "rating", "exists": False, "eq": 1}, ("exists",), "false, beside"),
        ({"field": "taken_at", "eq": "yesterday"}, ("eq",), "'yesterday' is no date"),
        ({"field": "taken_at", "eq": "2023-02-30"}, ("eq",), "is no date"),
        ({"field": "taken_at", "eq": "2023-05-01T10:00:00Z"}, ("eq",), "no offset"),
        ({"field": "taken_at", "in": ["2023", "2023-13"]}, ("in", 1), "is no date"),
        ({"field": "path", "eq": "a" * (MAX_CHARACTERS + 1)}, ("eq",), "longer than"),
        (nested(MAX_DEPTH + 1), ("not",) * MAX_DEPTH, "deeper than"),
        ({"or": [PATH] * (MAX_CONDITIONS + 1)}, ("or", MAX_CONDITIONS), "more than"),
        ({"field": "a", "in": [0] * (MAX_VALUES + 1)}, ("in",), "values in all"),
        (
            {"or": [{"field": "a", "in": [0] * MAX_VALUES}, {"field": "a", "in": [0]}]},
            ("or", 1, "in"),
            "values in all",
        ),
    ],
)
def test_a_filter_that_means_nothing_is_refused_where_it_is_at_fault(
    content: object, location: tuple[str | int, ...], reason: str
) -> None:
    with pytest.raises(FilterError) as refused:
        parse(content)
    assert refused.value.location == location
    assert reason in refused.value.reason
    assert str(refused.value).startswith(".".join(map(str, ("filter", *location))) + ": ")


def test_as_much_as_may_be_is_taken() -> None:
    parse(nested(MAX_DEPTH))
    parse({"or": [PATH] * MAX_CONDITIONS})
    parse({"field": "a", "in": [0] * MAX_VALUES})
    parse({"field": "path", "eq": "a" * MAX_CHARACTERS})


def test_the_documented_filter_is_one_and_every_built_in_field_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "filters.md").read_text()
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    root = parse(json.loads(example)).root
    assert isinstance(root, And) and len(root.parts) == 3
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    names = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert TEXTS | NUMBERS | set(OPERATORS) == names


def test_filters_that_ask_the_same_have_one_digest_and_others_another() -> None:
    def digest(text: str) -> str:
        return parse(json.loads(text)).digest

    same = digest('{"field": "rating", "gte": 1, "lt": 3}')
    assert digest('{"lt": 3, "gte": 1, "field": "metadata.rating"}') == same
    others = [
        '{"field": "rating", "gt": 1, "lt": 3}',
        '{"field": "rating", "gte": "1", "lt": "3"}',
        '{"field": "ratings", "gte": 1, "lt": 3}',
        '{"not": {"field": "rating", "gte": 1, "lt": 3}}',
        '{"and": [{"field": "rating", "gte": 1, "lt": 3}]}',
    ]
    assert len({same, *map(digest, others)}) == 1 + len(others)


def test_ranges_that_touch_or_overlap_are_one() -> None:
    a_and_b = Range(starting("a").low, starting("b").high)
    assert united([starting("b"), starting("a"), starting("ab")]) == (a_and_b,)
    assert len(united([point(1), point(2), point(1.0)])) == 2
    assert united([period("2023-05"), period("2023")]) == (period("2023"),)


def test_what_is_common_to_two_lists_of_ranges_lies_in_both() -> None:
    found = common([starting("a"), starting("c")], [point("ab"), point("b"), starting("ca")])
    assert found == (point("ab"), starting("ca"))
