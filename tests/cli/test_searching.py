"""`pictor search` with filters and words."""

import json
from pathlib import Path

import pytest

from tests.cli.outcomes import Outcome, Pictor, mistake

RED = '{"field": "path", "prefix": "red"}'


@pytest.fixture
def captioned(pictor: Pictor, photos: Path, tmp_path: Path) -> Path:
    (photos / "red.txt").write_text("A poppy")
    (photos / "green.txt").write_text("Clover in a field")
    (photos / "green.json").write_text('{"rating": 4}')
    assert pictor("index", photos, "--out", tmp_path / "collection").code == 0
    return tmp_path / "collection"


def paths(found: Outcome) -> list[str]:
    assert found.code == 0, found.err
    return [hit["path"] for hit in json.loads(found.out)["hits"]]


def test_a_filter_restricts_what_is_found(pictor: Pictor, photos: Path, captioned: Path) -> None:
    rated = '{"field": "rating", "gte": 4}'
    for query in (("--text", "red"), ("--image", photos / "blue.png")):
        assert paths(pictor("search", captioned, *query, "--filter", RED, "--json")) == ["red.png"]
        assert paths(pictor("search", captioned, *query, "--filter", rated, "--json")) == [
            "green.png"
        ]
        both = ("--filter", RED, "--filter", rated)
        assert paths(pictor("search", captioned, *query, *both, "--json")) == []


def test_words_need_no_model(pictor: Pictor, captioned: Path) -> None:
    words = ("--mode", "words", "--model", "no model is loaded", "--json")
    found = pictor("search", captioned, "--text", "clover", *words)
    assert paths(found) == ["green.png"]
    assert json.loads(found.out)["space"] is None
    assert paths(pictor("search", captioned, "--text", "clover", "--filter", RED, *words)) == []


def test_hybrid_finds_by_words_and_by_vectors(pictor: Pictor, captioned: Path) -> None:
    found = pictor("search", captioned, "--text", "clover", "--mode", "hybrid", "--json")
    assert sorted(paths(found)) == ["blue.png", "green.png", "red.png"]
    assert json.loads(found.out)["hits"][0]["score"] > 1 / 60
    assert paths(found)[0] == "green.png"


def test_a_field_that_no_picture_has_is_said_and_finds_nothing(
    pictor: Pictor, captioned: Path
) -> None:
    mistyped = ("--filter", '{"field": "ratng", "gte": 4}', "--text", "clover")
    for mode in ("words", "vector"):
        found = pictor("search", captioned, *mistyped, "--mode", mode, "--json")
        assert (paths(found), found.code) == ([], 0)
        (warning,) = json.loads(found.out)["warnings"]
        assert warning == "no picture has a field 'ratng'; did you mean 'rating'?"
        assert warning in found.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--text", "a", "--filter", "{"), "--filter: not JSON"),
        (("--text", "a", "--filter", '{"field": "path"}'), "filter: expected an operator"),
        (("--text", "a", "--filter", RED, "--filter", "7"), "filter.and.1: expected an object"),
        (("--text", "a", "--mode", "fuzzy"), "fuzzy"),
        (("--image", "a.png", "--mode", "words"), "no --image"),
        (("--image", "a.png", "--mode", "hybrid"), "give a --text"),
        (("--text", "a", "--mode", "words", "--exclude", "b"), "--exclude"),
    ],
)
def test_what_means_nothing_is_a_mistake(
    pictor: Pictor, tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    assert named in mistake(pictor("search", tmp_path, *arguments))
