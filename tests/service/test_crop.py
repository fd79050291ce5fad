"""Searching with a part of a picture."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from index.items import item_id
from tests.fakes import COLOURS, ColourEncoder
from tests.service.answers import Answer, found, problem
from tests.service.conftest import IDS, PICTURES, Built, Serve, index

LEFT_HALF, RIGHT_HALF = [0, 0, 0.5, 1], [0.5, 0, 1, 1]


def flag(left: str, right: str) -> bytes:
    """A picture of two colours, side by side."""
    image = Image.new("RGB", (40, 20), COLOURS[left])
    image.paste(COLOURS[right], (20, 0, 40, 20))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def search(client: TestClient, **query: Any) -> Answer:  # noqa: ANN401
    return client.post("/v1/search", json=query)


def test_the_part_of_a_picture_that_is_meant_is_searched_with(client: TestClient) -> None:
    image = {"base64": base64.b64encode(flag("red", "blue")).decode()}
    assert found(search(client, image=image, crop=LEFT_HALF))[0] == "red"
    assert found(search(client, image=image, crop=RIGHT_HALF))[0] == "blue"
    composed = search(client, image=image, crop=RIGHT_HALF, text="blue")
    assert found(composed)[0] == "blue"


def test_a_form_takes_a_crop_as_a_json_string(client: TestClient) -> None:
    files = {"image": flag("red", "blue")}
    response = client.post("/v1/search/upload", files=files, data={"crop": json.dumps(RIGHT_HALF)})
    assert found(response)[0] == "blue"


def test_a_picture_of_the_collection_is_cropped_from_its_original(
    serve: Serve, tmp_path: Path
) -> None:
    built = Built(tmp_path / "collection", tmp_path / "pictures")
    built.pictures.mkdir()
    for name, data in {**PICTURES, "flag.png": flag("green", "red")}.items():
        (built.pictures / name).write_bytes(data)
    index(built, ColourEncoder())
    client = serve(collection=built.folder)
    image = {"id": item_id(flag("green", "red"))}
    names = found(search(client, image=image, crop=LEFT_HALF))
    assert names[0] == "green" and "flag" not in names
    assert found(search(client, image=image, crop=RIGHT_HALF))[0] == "red"
    (built.pictures / "flag.png").unlink()
    assert problem(search(client, image=image, crop=LEFT_HALF)) == (410, "gone")


def test_the_whole_of_a_picture_is_the_picture(client: TestClient) -> None:
    whole = search(client, image={"id": IDS["red"]}, crop=[0, 0, 1, 1])
    assert found(whole) == found(search(client, image={"id": IDS["red"]}))


@pytest.mark.parametrize(
    "crop",
    [
        *([], [0, 0, 1], [0, 0, 1, 1, 1], "0 0 1 1", {"left": 0}, 7),
        *([0, 0, 1, True], [0, 0, "1", 1], [0, 0, 1, 1.01], [-0.1, 0, 1, 1]),
        *([0.5, 0, 0.5, 1], [0, 0.6, 1, 0.5], [0, 0, 1, 10**400]),
    ],
)
def test_a_box_that_is_none_is_refused(client: TestClient, crop: object) -> None:
    response = search(client, image={"id": IDS["red"]}, crop=crop)
    assert problem(response) == (422, "invalid_request")
    (error,) = response.json()["errors"]
    assert (error["field"], error["code"]) == ("crop", "invalid_crop")


def test_a_crop_of_no_picture_is_refused(client: TestClient) -> None:
    assert problem(search(client, text="red", crop=LEFT_HALF)) == (422, "invalid_request")


def test_a_cursor_of_another_crop_is_refused(client: TestClient) -> None:
    query: dict[str, Any] = {"image": {"id": IDS["red"]}, "limit": 1}
    cursor = search(client, **query, crop=LEFT_HALF).json()["next_cursor"]
    assert search(client, **query, crop=LEFT_HALF, cursor=cursor).status_code == 200
    for other in (None, RIGHT_HALF):
        answer = search(client, **query, crop=other, cursor=cursor)
        assert problem(answer) == (422, "invalid_cursor")
