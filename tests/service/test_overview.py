"""The collection on a plane, box by box."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.access.keys import make_key
from service.access.keys_file import KeysFile
from tests.fakes import picture_bytes
from tests.service.answers import Answer, problem
from tests.service.conftest import IDS, Built, Serve


def overview(client: TestClient, **query: Any) -> dict[str, Any]:  # noqa: ANN401
    response = client.get("/v1/overview", params=query)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def ids(answer: dict[str, Any]) -> list[str]:
    return [point["id"] for point in answer["points"]]


@pytest.fixture
def living(serve: Serve, built: Built, tmp_path: Path) -> TestClient:
    shutil.copytree(built.folder, tmp_path / "collection")
    return serve(collection=tmp_path / "collection")


def test_every_picture_lies_on_the_plane(client: TestClient) -> None:
    answer = overview(client)
    assert sorted(ids(answer)) == sorted(IDS.values())
    assert (answer["items"], answer["inside"], answer["method"]) == (7, 7, "pca")
    for point in answer["points"]:
        assert 0 <= point["x"] <= 1 and 0 <= point["y"] <= 1 and point["count"] == 1
        assert client.get(point["thumbnail_url"]).status_code == 200
    assert overview(client) == answer


def test_a_few_points_stand_for_all_of_a_box(client: TestClient) -> None:
    few = overview(client, limit=3)
    assert len(few["points"]) == 3 and few["inside"] == 7
    assert sum(point["count"] for point in few["points"]) == 7
    assert ids(few) == ids(overview(client))[:3]


def test_a_box_holds_what_lies_in_it_and_a_point_stays_as_one_comes_nearer(
    client: TestClient,
) -> None:
    everything = {point["id"]: point for point in overview(client)["points"]}
    far = overview(client, limit=4)
    near = overview(client, limit=4, box="0,0,0.5,1")
    left = {id_ for id_, point in everything.items() if point["x"] <= 0.5}
    assert near["inside"] == len(left) and set(ids(near)) <= left
    assert set(ids(far)) & left <= set(ids(near))


def test_a_filter_leaves_others_out(client: TestClient) -> None:
    answer = overview(client, filter='{"field": "path", "prefix": "bl"}')
    assert sorted(ids(answer)) == sorted([IDS["black"], IDS["blue"]])
    assert answer["items"] == 2 and answer["warnings"] == []
    assert overview(client, filter='{"field": "colour", "eq": 1}')["warnings"]


def test_who_has_it_already_is_told_so_until_the_collection_changes(living: TestClient) -> None:
    first = living.get("/v1/overview", params={"limit": 3})
    tag = {"If-None-Match": first.headers["etag"]}
    again = living.get("/v1/overview", params={"limit": 3}, headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert living.get("/v1/overview", params={"limit": 4}, headers=tag).status_code == 200
    living.post("/v1/images", files={"image": picture_bytes((255, 0, 200))})
    assert living.get("/v1/overview", params={"limit": 3}, headers=tag).status_code == 200


def test_what_is_added_appears_and_moves_nothing_and_what_is_deleted_leaves(
    living: TestClient,
) -> None:
    before = {point["id"]: (point["x"], point["y"]) for point in overview(living)["points"]}
    sent = living.post("/v1/images", files={"image": picture_bytes((255, 0, 3))}).json()
    (added,) = [image["id"] for image in sent["images"]]
    after = {point["id"]: (point["x"], point["y"]) for point in overview(living)["points"]}
    assert after.keys() == before.keys() | {added}
    near = min(before, key=lambda id_: abs(complex(*after[id_]) - complex(*after[added])))
    assert near == IDS["red"]
    living.delete(f"/v1/images/{IDS['red']}")
    assert set(ids(overview(living))) == after.keys() - {IDS["red"]}


@pytest.mark.parametrize(
    "box",
    [
        *("", "0,0,1", "0,0,1,1,1", "a,b,c,d", "0,0,0,1", "0.5,0,0.4,1", "-0.1,0,1,1", "0,0,1,1.1"),
        *("nan,0,1,1", "0,0,inf,1", "0,0,1," + "1" * 500, "[0,0,1,1]"),
    ],
)
def test_a_box_that_is_none_is_refused(client: TestClient, box: str) -> None:
    response: Answer = client.get("/v1/overview", params={"box": box})
    assert problem(response) == (422, "invalid_request")
    assert [error["code"] for error in response.json()["errors"]] == ["invalid_box"]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 5001}, {"filter": "{"}, {"colour": "red"}]
)
def test_what_cannot_be_asked_is_refused(client: TestClient, query: dict[str, Any]) -> None:
    assert problem(client.get("/v1/overview", params=query)) == (422, "invalid_request")


def test_where_there_are_keys_it_asks_for_one(serve: Serve, tmp_path: Path) -> None:
    keys = KeysFile(tmp_path / "keys.json")
    key, text = make_key("reader", {"read"})
    keys.add(key)
    client = serve(keys_file=keys.path)
    assert problem(client.get("/v1/overview")) == (401, "key_missing")
    client.headers["x-api-key"] = text
    assert len(overview(client)["points"]) == 7
