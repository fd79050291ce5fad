"""Filters and modes over REST: colours in folders, with captions and ratings beside them."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from index.searching.words import MAX_WORDS
from tests.fakes import ColourEncoder, picture_bytes
from tests.service.answers import Answer, found, problem
from tests.service.conftest import Built, Serve, index

CAPTIONS = {
    "trip/red": "A poppy in a field",
    "trip/green": "A field of clover",
    "home/blue": "Cornflowers",
    "home/white": None,
}
RATINGS = {"trip/red": 5, "trip/green": 2, "home/blue": 4}


@pytest.fixture(scope="module")
def captioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("captioned")
    built = Built(place / "collection", place / "pictures")
    for name, caption in CAPTIONS.items():
        file = built.pictures / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture_bytes(file.stem))
        if caption:
            file.with_suffix(".txt").write_text(caption)
        if name in RATINGS:
            file.with_suffix(".json").write_text(json.dumps({"rating": RATINGS[name]}))
    index(built, ColourEncoder())
    return built.folder


@pytest.fixture
def captions(serve: Serve, captioned: Path) -> TestClient:
    return serve(collection=captioned)


def search(client: TestClient, **query: object) -> Answer:
    return client.post("/v1/search", json=query)


TRIP = {"field": "path", "prefix": "trip/"}


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (TRIP, {"trip/red", "trip/green"}),
        ({"field": "rating", "gte": 4}, {"trip/red", "home/blue"}),
        ({"not": {"field": "rating", "exists": True}}, {"home/white"}),
        ({"and": [TRIP, {"field": "rating", "lt": 5}]}, {"trip/green"}),
        ({"field": "width", "gt": 1000}, set()),
    ],
)
def test_only_what_a_filter_lets_through_is_found(
    captions: TestClient, where: dict[str, object], names: set[str]
) -> None:
    for query in ({"text": "red"}, {"image": {"id": id_of(captions, "home/white")}}):
        expected = names - ({"home/white"} if "image" in query else set())
        assert set(found(search(captions, **query, filter=where))) == expected


def id_of(client: TestClient, name: str) -> str:
    hits = search(client, text="red").json()["hits"]
    return next(str(hit["id"]) for hit in hits if hit["path"] == f"{name}.png")


def test_a_filter_in_a_form_is_a_json_string(captions: TestClient) -> None:
    files = {"image": picture_bytes("white")}
    data = {"filter": json.dumps(TRIP), "limit": "10"}
    response = captions.post("/v1/search/upload", data=data, files=files)
    assert set(found(response)) == {"trip/red", "trip/green"}


@pytest.mark.parametrize(
    ("where", "field"),
    [
        (7, "filter"),
        ({}, "filter"),
        ({"and": [TRIP, {"field": "width", "gt": "wide"}]}, "filter.and.1.gt"),
        ({"or": [{"not": {"field": "taken_at", "in": ["2023", "soon"]}}]}, "filter.or.0.not.in.1"),
        ({"field": "path", "matches": "x"}, "filter"),
    ],
)
def test_a_filter_that_means_nothing_is_refused_at_its_fault(
    captions: TestClient, where: object, field: str
) -> None:
    response = search(captions, text="red", filter=where)
    assert problem(response) == (422, "invalid_request")
    (error,) = response.json()["errors"]
    assert (error["field"], error["code"]) == (field, "invalid_filter")


def test_words_find_captions_and_names_that_the_model_cannot_take(captions: TestClient) -> None:
    assert problem(search(captions, text="field poppy")) == (422, "invalid_input")
    response = search(captions, text="field poppy", mode="words")
    assert found(response) == ["trip/red", "trip/green"]
    assert (response.json()["space"], response.json()["kind"]) == (None, "text")
    assert found(search(captions, text="white.png", mode="words")) == ["home/white"]
    assert found(search(captions, text="a walrus", mode="words", filter={"not": TRIP})) == []


def test_hybrid_puts_first_what_words_and_vectors_both_find(captions: TestClient) -> None:
    vector = found(search(captions, text="red"))
    assert vector[0] == "trip/red"
    both = search(captions, text="green", mode="hybrid")
    assert found(both)[0] == "trip/green"
    assert both.json()["hits"][0]["score"] == pytest.approx(2 / 61)
    assert both.json()["space"] is not None
    assert set(found(both)) == set(CAPTIONS)


@pytest.mark.parametrize("mode", ["vector", "words", "hybrid"])
def test_the_pages_of_every_mode_are_one_ranking(captions: TestClient, mode: str) -> None:
    query = {"text": "green", "mode": mode, "filter": {"not": {"field": "rating", "lt": 1}}}
    if mode == "words":
        query["text"] = "green field poppy"
    whole = found(search(captions, **query))
    pages, cursor = [], None
    for _ in whole:
        answer = search(captions, **query, limit=1, cursor=cursor)
        pages += found(answer)
        cursor = answer.json()["next_cursor"]
    assert pages == whole and len(whole) >= 2 and cursor is None


@pytest.mark.parametrize("mode", ["vector", "words", "hybrid"])
def test_a_cursor_of_another_filter_or_mode_is_refused(captions: TestClient, mode: str) -> None:
    query = {"text": "green", "mode": mode, "limit": 1}
    if mode == "words":
        query["text"] = "field"
    cursor = search(captions, **query).json()["next_cursor"]
    assert problem(search(captions, **query, cursor=cursor, filter=TRIP)) == (422, "invalid_cursor")
    for other in {"vector", "words", "hybrid"} - {mode}:
        answer = search(captions, **{**query, "mode": other}, cursor=cursor)
        assert problem(answer) == (422, "invalid_cursor")


@pytest.mark.parametrize(
    "query",
    [
        {"text": "red", "mode": "fuzzy"},
        {"text": "red", "mode": "words", "image": {"id": "0" * 32}},
        {"mode": "hybrid", "image": {"id": "0" * 32}},
        {"text": "red", "mode": "words", "exclude": [{"text": "blue"}]},
    ],
)
def test_a_mode_that_does_not_fit_its_query_is_refused(
    captions: TestClient, query: dict[str, object]
) -> None:
    assert problem(search(captions, **query)) == (422, "invalid_request")


def test_the_answer_says_that_some_words_were_not_searched_for(captions: TestClient) -> None:
    text = " ".join(f"w{number}" for number in range(MAX_WORDS + 1))
    (warning,) = search(captions, text=text, mode="words").json()["warnings"]
    assert str(MAX_WORDS) in warning


def test_the_contract_describes_filters(captions: TestClient) -> None:
    schemas = captions.get("/openapi.json").json()["components"]["schemas"]
    described = json.dumps(schemas["SearchRequest"]["properties"]["filter"])
    for operator in ("and", "or", "not", "eq", "in", "gte", "lte", "prefix", "exists"):
        assert f'"{operator}"' in described
