"""Listings and facets over REST: colours in folders, with dates and tags beside them."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.filtering.facets import Counting
from service.schemas.listing import Sorting
from tests.fakes import COLOURS, ColourEncoder, picture
from tests.service.answers import Answer, problem
from tests.service.conftest import Built, Serve, index

DATES = {
    "red": "2023:05:01 10:00:00",
    "green": "2023:05:09 10:00:00",
    "blue": "2021:01:01 10:00:00",
}
FOLDERS = {"red": "trip/2023", "green": "trip/2023", "blue": "trip", "white": "home"}
TAGS = {"red": ["warm", "bright"], "green": ["bright"], "white": "bright"}
ORDERS = ("taken_at", "added_at", "path", "name")
TRIP = {"field": "path", "prefix": "trip/"}


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Built:
    place = tmp_path_factory.mktemp("album")
    built = Built(place / "collection", place / "pictures")
    for name in COLOURS:
        file = built.pictures / FOLDERS.get(name, "") / f"{name}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        image = picture(name)
        exif = image.getexif()
        if name in DATES:
            exif.get_ifd(0x8769)[0x9003] = DATES[name]
        image.save(file, exif=exif)
        if name in TAGS:
            file.with_suffix(".json").write_text(json.dumps({"tags": TAGS[name]}))
    index(built, ColourEncoder())
    return built


@pytest.fixture
def albums(serve: Serve, album: Built) -> TestClient:
    return serve(collection=album.folder)


def names(answer: Answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [Path(item["path"]).stem for item in answer.json()["items"]]


def listed(client: TestClient, **query: Any) -> Answer:  # noqa: ANN401
    if "filter" in query:
        query["filter"] = json.dumps(query["filter"])
    return client.get("/v1/images", params=query)


def counted(client: TestClient, **query: Any) -> Answer:  # noqa: ANN401
    if "filter" in query:
        query["filter"] = json.dumps(query["filter"])
    return client.get("/v1/facets", params=query)


def values(answer: Answer) -> dict[Any, int]:
    assert answer.status_code == 200, answer.text
    return {each["value"]: each["count"] for each in answer.json()["values"]}


def test_a_collection_is_listed_latest_first_and_undated_last(albums: TestClient) -> None:
    listing = names(listed(albums))
    assert listing[:3] == ["green", "red", "blue"]
    assert sorted(listing) == sorted(COLOURS)
    assert names(listed(albums, order="taken_at"))[:3] == ["blue", "red", "green"]


def test_a_collection_is_listed_by_path_and_by_name(albums: TestClient) -> None:
    by_path = ["white", "black", "blue", "green", "red", "yellow"]
    paths = [item["path"] for item in listed(albums, order="path").json()["items"]]
    assert paths == sorted(paths)
    assert set(names(listed(albums, order="path"))) == set(by_path)
    assert names(listed(albums, order="-name")) == sorted(COLOURS, reverse=True)


def test_an_entry_says_what_is_shown_of_a_picture(albums: TestClient) -> None:
    (entry,) = listed(albums, filter={"field": "path", "eq": "trip/2023/red.jpg"}).json()["items"]
    assert (entry["format"], entry["width"], entry["height"]) == ("JPEG", 32, 24)
    assert entry["taken_at"] == "2023-05-01T10:00:00"
    assert entry["added_at"].endswith("+00:00")
    assert albums.get(entry["thumbnail_url"]).status_code == 200
    assert albums.get(entry["image_url"]).headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("order", [*ORDERS, *(f"-{order}" for order in ORDERS)])
@pytest.mark.parametrize("where", [None, TRIP, {"not": TRIP}])
def test_pages_follow_each_other_in_every_order_under_a_filter(
    albums: TestClient, order: str, where: dict[str, Any] | None
) -> None:
    query: dict[str, Any] = {"order": order, **({"filter": where} if where else {})}
    whole = names(listed(albums, **query))
    pages: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = listed(albums, **query, limit=2, **({"cursor": cursor} if cursor else {}))
        assert answer.json()["total"] == len(whole)
        pages, cursor = pages + names(answer), answer.json()["next_cursor"]
    assert pages == whole and len(set(whole)) == len(whole) >= 2


def test_a_cursor_of_another_listing_or_of_a_search_is_refused(albums: TestClient) -> None:
    cursor = listed(albums, limit=1).json()["next_cursor"]
    for other in ({"order": "path"}, {"filter": TRIP}, {"order": "taken_at"}):
        assert problem(listed(albums, **other, cursor=cursor)) == (422, "invalid_cursor")
    assert problem(listed(albums, cursor=cursor[:-1])) == (422, "invalid_cursor")
    found = albums.post("/v1/search", json={"text": "red", "limit": 1}).json()["next_cursor"]
    assert problem(listed(albums, cursor=found)) == (422, "invalid_cursor")
    searched = albums.post("/v1/search", json={"text": "red", "limit": 1, "cursor": cursor})
    assert problem(searched) == (422, "invalid_cursor")


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"limit": "0"}, "limit", "greater_than_equal"),
        ({"limit": "1001"}, "limit", "less_than_equal"),
        ({"limit": "many"}, "limit", "int_parsing"),
        ({"order": "size"}, "order", "literal_error"),
        ({"filter": "{"}, "filter", "json_invalid"),
        ({"filter": "[" * 10_000}, "filter", "json_invalid"),
        (
            {"filter": '{"and": [{"field": "width", "gt": "x"}]}'},
            "filter.and.0.gt",
            "invalid_filter",
        ),
        ({"colour": "red"}, "colour", "extra_forbidden"),
    ],
)
def test_a_listing_that_makes_no_sense_is_refused_by_field(
    albums: TestClient, query: dict[str, str], field: str, code: str
) -> None:
    answer = albums.get("/v1/images", params=query)
    assert problem(answer) == (422, "invalid_request")
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == (field, code)


def test_values_are_counted_under_a_filter(albums: TestClient) -> None:
    assert values(counted(albums, field="taken_at")) == {"2021": 1, "2023": 2}
    assert values(counted(albums, field="taken_at", by="month")) == {"2021-01": 1, "2023-05": 2}
    assert values(counted(albums, field="path")) == {"home/": 1, "trip/": 3}
    assert values(counted(albums, field="path", prefix="trip/")) == {"trip/2023/": 2}
    assert values(counted(albums, field="format", filter=TRIP)) == {"JPEG": 3}
    assert values(counted(albums, field="width", by="20")) == {20.0: 6}
    assert counted(albums, field="camera").json()["values"] == []


def test_each_value_of_a_list_of_tags_is_counted_and_found(albums: TestClient) -> None:
    assert values(counted(albums, field="tags")) == {"bright": 3, "warm": 1}
    assert values(counted(albums, field="tags", limit=1)) == {"bright": 3}
    assert counted(albums, field="tags", limit=1).json()["other_values"] == 1
    assert names(listed(albums, filter={"field": "tags", "eq": "warm"})) == ["red"]


def test_the_filter_of_a_value_lists_as_many_pictures_as_it_counts(albums: TestClient) -> None:
    for query in ({"field": "tags"}, {"field": "taken_at", "by": "day"}, {"field": "path"}):
        for each in counted(albums, **query).json()["values"]:
            assert listed(albums, filter=each["filter"]).json()["total"] == each["count"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "invalid_request"),
        ({"field": ""}, "invalid_request"),
        ({"field": "metadata."}, "invalid_input"),
        ({"field": "camera", "by": "year"}, "invalid_input"),
        ({"field": "taken_at", "by": "decade"}, "invalid_input"),
        ({"field": "width", "by": "-1"}, "invalid_input"),
        ({"field": "width", "by": "1e999"}, "invalid_input"),
        ({"field": "camera", "prefix": "a/"}, "invalid_input"),
        ({"field": "camera", "limit": "0"}, "invalid_request"),
        ({"field": "camera", "cursor": "x"}, "invalid_request"),
    ],
)
def test_a_count_that_makes_no_sense_is_refused(
    albums: TestClient, query: dict[str, str], code: str
) -> None:
    assert problem(albums.get("/v1/facets", params=query)) == (422, code)


def test_a_field_that_no_picture_has_is_said_everywhere(albums: TestClient) -> None:
    warning = "no picture has a field 'tag'; did you mean 'tags'?"
    where = {"field": "tag", "eq": "warm"}
    for mode in ("vector", "words", "hybrid"):
        query = {"text": "red", "mode": mode, "filter": where}
        answer = albums.post("/v1/search", json=query).json()
        assert (answer["hits"], answer["warnings"]) == ([], [warning])
    assert listed(albums, filter=where).json()["warnings"] == [warning]
    assert counted(albums, field="tag").json()["warnings"] == [warning]
    assert counted(albums, field="format", filter=where).json()["warnings"] == [warning]
    assert listed(albums, filter=TRIP).json()["warnings"] == []


def test_the_orders_of_the_contract_are_those_of_the_index(albums: TestClient) -> None:
    for order in Sorting.__args__:  # type: ignore[attr-defined]
        assert listed(albums, order=order).status_code == 200
    assert Counting("path").period is None


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(["/v1/images", "/v1/facets"]),
    query=st.dictionaries(
        st.sampled_from(["field", "by", "prefix", "limit", "order", "filter", "cursor"]),
        st.one_of(
            st.text(max_size=30),
            st.sampled_from(["path", "tags", "taken_at", "year", "1", "0.5", "1e-300", "1e300"]),
            st.builds(json.dumps, st.dictionaries(st.sampled_from(["field", "eq"]), st.text())),
        ),
    ),
)
def test_whatever_is_asked_is_answered_or_a_problem_of_the_callers(
    albums: TestClient, path: str, query: dict[str, str]
) -> None:
    try:
        answer = albums.get(path, params=query)
    except UnicodeEncodeError:
        return  # no client can send half of a character
    if answer.status_code != 200:
        assert problem(answer)[0] == 422
