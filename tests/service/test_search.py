import base64
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.fakes import ColourEncoder, picture_bytes
from tests.service.answers import Answer, found, problem
from tests.service.conftest import IDS, ORANGE, PICTURES, Serve


def sent(data: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(data).decode()}


def search(client: TestClient, **query: Any) -> Answer:  # noqa: ANN401
    return client.post("/v1/search", json=query)


def test_a_text_finds_pictures_of_it(client: TestClient) -> None:
    response = search(client, text="red", limit=3)
    assert found(response)[0] == "red"
    answer = response.json()
    assert (answer["kind"], answer["composer"], answer["warnings"]) == ("text", None, [])
    assert answer["model"] == "colours"
    assert answer["space"] == "colours@0123456789abcdef/4"


def test_a_hit_says_where_its_picture_is(client: TestClient) -> None:
    hit = search(client, text="red", limit=1).json()["hits"][0]
    assert hit["score"] == pytest.approx(1.0, abs=1e-3)
    assert hit["id"] == IDS["red"]
    assert (hit["path"], hit["paths"], hit["caption"]) == ("red.png", ["red.png"], None)
    assert (hit["width"], hit["height"], hit["metadata"]) == (32, 24, {})
    assert client.get(hit["image_url"]).content == PICTURES["red.png"]
    assert client.get(hit["thumbnail_url"]).status_code == 200


def test_a_sent_picture_finds_pictures_like_it(client: TestClient) -> None:
    response = search(client, image=sent(picture_bytes((250, 5, 5))))
    assert found(response)[:2] == ["red", "orange"]
    assert response.json()["kind"] == "image"


def test_a_sent_picture_that_is_in_the_collection_finds_itself(client: TestClient) -> None:
    assert found(search(client, image=sent(PICTURES["red.png"])))[0] == "red"


def test_a_picture_of_the_collection_finds_others_and_not_itself(client: TestClient) -> None:
    names = found(search(client, image={"id": IDS["red"]}))
    assert names[0] == "orange"
    assert "red" not in names
    assert len(names) == len(PICTURES) - 1


def test_a_stored_picture_needs_no_forward_pass(serve: Serve) -> None:
    encoder = ColourEncoder()
    found(search(serve(encoder), image={"id": IDS["red"]}))
    assert encoder.encoded_images == 0


def test_pages_follow_each_other_without_repeats_or_gaps(client: TestClient) -> None:
    whole = found(search(client, text="red green"))
    pages, cursor = [], None
    while True:
        response = search(client, text="red green", limit=3, cursor=cursor)
        pages += found(response)
        cursor = response.json()["next_cursor"]
        if cursor is None:
            break
    assert pages == whole
    assert len(pages) == len(PICTURES)


def test_a_cursor_of_another_query_is_refused(client: TestClient) -> None:
    cursor = search(client, text="red", limit=1).json()["next_cursor"]
    assert problem(search(client, text="blue", cursor=cursor)) == (422, "invalid_cursor")


def test_a_damaged_cursor_is_refused(client: TestClient) -> None:
    assert problem(search(client, text="red", cursor="!")) == (422, "invalid_cursor")


def test_hits_that_score_less_than_asked_are_left_out(client: TestClient) -> None:
    assert found(search(client, text="red", min_score=0.95)) == ["red"]


@pytest.mark.parametrize("limit", [0, -1, 1001, 10**30, 1.5, "20", True, None])
def test_a_limit_out_of_range_is_refused(client: TestClient, limit: object) -> None:
    response = search(client, text="red", limit=limit)
    assert problem(response) == (422, "invalid_request")
    assert response.json()["errors"][0]["field"] == "limit"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "body"),
        ({"text": ""}, "text.0"),
        ({"text": " \n"}, "text.0"),
        ({"text": []}, "text"),
        ({"text": ["red", "green"]}, "body"),
        ({"text": "red" * 5000}, "text.0"),
        ({"text": 7}, "text"),
        ({"text": "red", "image": {}}, "image"),
        ({"image": {"id": IDS["red"], "base64": "AAAA"}}, "image"),
        ({"image": {"id": "../../etc/passwd"}}, "image.id"),
        ({"image": {"id": IDS["red"].upper()}}, "image.id"),
        ({"image": {"base64": "not base64!"}}, "image.base64"),
        ({"image": {"base64": "ÄÖ"}}, "image.base64"),
        ({"text": "red", "colour": 1}, "colour"),
        ({"text": "red", "min_score": "high"}, "min_score"),
        ({"text": "red", "composer": {"name": "basic", "weight": 0.5}}, "composer"),
        ({"text": "red", "composer": {"weight": 0.5}}, "composer"),
        ({"text": "red", "composer": {"name": "m" * 65}}, "composer.name"),
        ({"exclude": [{"text": "red"}]}, "body"),
        ({"text": "red", "exclude": [{}]}, "exclude.0"),
        ({"text": "red", "exclude": [{"text": "blue", "image": {"id": IDS["red"]}}]}, "exclude.0"),
        ({"text": "red", "exclude": [{"text": " "}]}, "exclude.0.text"),
        ({"text": "red", "exclude": [{"text": "blue", "weight": 0}]}, "exclude.0.weight"),
        ({"text": "red", "exclude": [{"text": "blue", "weight": 11}]}, "exclude.0.weight"),
        ({"text": "red", "exclude": [{"text": "blue"}] * 17}, "exclude"),
        ({"text": "red", "composer": {"name": "sum", "weight": -1}}, "composer"),
        ({"text": "red", "composer": {"name": "slerp", "weight": 1.5}}, "composer"),
        ({"text": "red", "cursor": "a" * 65_537}, "cursor"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_by_field(
    client: TestClient, query: dict[str, object], field: str
) -> None:
    response = search(client, **query)
    assert problem(response) == (422, "invalid_request")
    assert [each["field"] for each in response.json()["errors"]] == [field]


def test_the_contracts_fields_may_be_given_empty(client: TestClient) -> None:
    query = {"text": "red", "image": None, "cursor": None, "min_score": None, "mode": "vector"}
    later = {"filter": None, "exclude": None, "crop": None, "composer": None}
    assert found(search(client, **query, **later))[0] == "red"


def test_a_text_that_the_model_cannot_take_is_the_callers_mistake(client: TestClient) -> None:
    response = search(client, text="a walrus")
    assert problem(response) == (422, "invalid_input")
    assert "walrus" in response.json()["detail"]


def test_a_picture_that_is_not_in_the_collection_is_unknown(client: TestClient) -> None:
    assert problem(search(client, image={"id": "0" * 32})) == (404, "unknown_item")


def test_an_uploaded_picture_gives_the_same_answer_as_one_in_json(client: TestClient) -> None:
    picture = picture_bytes(ORANGE)
    composer = {"name": "slerp", "weight": 0.3}
    as_json = search(
        client, image=sent(picture), text=["green", "blue"], composer=composer, limit=4
    )
    as_form = client.post(
        "/v1/search/upload",
        files={"image": ("any name.png", picture)},
        data={
            "text": ["green", "blue"],
            "composer": '{"name": "slerp", "weight": 0.3}',
            "limit": "4",
        },
    )
    assert found(as_form) == found(as_json)
    assert [hit["score"] for hit in as_form.json()["hits"]] == [
        hit["score"] for hit in as_json.json()["hits"]
    ]


def test_a_form_may_hold_a_text_alone(client: TestClient) -> None:
    response = client.post("/v1/search/upload", data={"text": "red"}, files={"image": b""})
    assert problem(response) == (422, "invalid_image")
    boundary = {"Content-Type": "multipart/form-data; boundary=b"}
    body = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nred\r\n--b--\r\n'
    assert found(client.post("/v1/search/upload", content=body, headers=boundary))[0] == "red"


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"limit": "1001"}, "invalid_request", "limit"),
        ({"limit": "many"}, "invalid_request", "limit"),
        ({"limit": ["1", "2"]}, "invalid_request", "limit"),
        ({"text": ""}, "invalid_request", "text.0"),
        ({"min_score": "NaN"}, "invalid_request", "min_score"),
        ({"composer": "{"}, "invalid_request", "composer"),
        ({"composer": '{"name": 7}'}, "invalid_request", "composer.name"),
        ({"exclude": "["}, "invalid_request", "exclude"),
        ({"exclude": '[{"text": ""}]'}, "invalid_request", "exclude.0.text"),
        ({"colour": "1"}, "invalid_request", "colour"),
        ({"filter": '{"field": "path"}'}, "invalid_request", "filter"),
        ({"filter": "{"}, "invalid_request", "filter"),
        ({"mode": "hybrid"}, "invalid_request", "body"),
        ({"crop": "[0.5, 0, 0.4, 1]"}, "invalid_request", "crop"),
    ],
)
def test_a_form_is_refused_as_the_same_query_in_json_is(
    client: TestClient, fields: dict[str, str], code: str, field: str
) -> None:
    files = {"image": PICTURES["red.png"]}
    response = client.post("/v1/search/upload", data=fields, files=files)
    assert problem(response) == (422, code)
    assert response.json()["errors"][0]["field"] == field


def test_the_uploaded_picture_must_be_a_file(client: TestClient) -> None:
    files = {"text": (None, "red"), "image": (None, "red.png")}
    response = client.post("/v1/search/upload", files=files)
    assert problem(response) == (422, "invalid_request")
    assert response.json()["errors"][0]["code"] == "file_expected"


def test_other_media_types_are_refused(client: TestClient) -> None:
    as_text = client.post("/v1/search", content='{"text": "red"}')
    assert problem(as_text) == (415, "unsupported_media_type")
    as_json = client.post("/v1/search/upload", json={"text": "red"})
    assert problem(as_json) == (415, "unsupported_media_type")
