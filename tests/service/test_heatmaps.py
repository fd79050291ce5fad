"""Where in a picture words are seen, over HTTP."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from index.items import item_id
from models.heat import HeatAsked, Map
from service.access.keys import make_key
from service.access.keys_file import KeysFile
from tests.fakes import CELLS, COLOURS, SeeingEncoder
from tests.service.answers import Answer, problem
from tests.service.conftest import IDS, PICTURES, Built, Serve, index


def flag(*, turned: bool = False) -> bytes:
    """Blue, with a red corner at the right end of the top; 80 x 40."""
    image = Image.new("RGB", (80, 40), COLOURS["blue"])
    image.paste(COLOURS["red"], (60, 0, 80, 10))
    file, exif = io.BytesIO(), Image.Exif()
    if turned:  # is stored lying, and says so
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif[0x0112] = 6
    image.save(file, "PNG", exif=exif)
    return file.getvalue()


@pytest.fixture
def album(tmp_path: Path) -> Built:
    built = Built(tmp_path / "collection", tmp_path / "pictures")
    built.pictures.mkdir()
    files = {"flag.png": flag(), "turned.png": flag(turned=True), "red.png": PICTURES["red.png"]}
    for name, data in files.items():
        (built.pictures / name).write_bytes(data)
    index(built, SeeingEncoder())
    return built


FLAG, TURNED = item_id(flag()), item_id(flag(turned=True))


def heatmap(client: TestClient, id_: str, text: str = "red", **more: Any) -> Answer:  # noqa: ANN401
    return client.get(f"/v1/images/{id_}/heatmap", params={"text": text, **more})


def numbers(client: TestClient, id_: str, text: str = "red") -> dict[str, Any]:
    response = heatmap(client, id_, text, format="json")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize("id_", [FLAG, TURNED])
def test_the_part_that_is_asked_for_is_warmest_in_the_upright_picture(
    serve: Serve, album: Built, id_: str
) -> None:
    client = serve(SeeingEncoder(), collection=album.folder)
    answer = numbers(client, id_)
    assert answer["peak"]["x"] > 0.75 and answer["peak"]["y"] < 0.25
    grid = np.array(answer["grid"])
    assert grid.shape == (answer["rows"], answer["columns"]) == (CELLS, CELLS)
    assert grid[0, -1] == 1.0 and grid[-1, 0] == 0.0
    assert numbers(client, id_, "blue")["grid"][0][-1] == 0.0


def test_the_png_lies_over_the_picture_and_its_alpha_is_the_heat(
    serve: Serve, album: Built
) -> None:
    response = heatmap(serve(SeeingEncoder(), collection=album.folder), FLAG)
    assert response.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(response.content))  # type: ignore[attr-defined]
    assert (image.mode, image.size) == ("RGBA", (256, 128))
    alpha = np.asarray(image.getchannel("A"))
    assert alpha[:16, 224:].min() > 200 and alpha[64:, :128].max() < 20


def test_a_map_is_made_once_and_who_has_it_is_told_so(serve: Serve, album: Built) -> None:
    encoder = SeeingEncoder()
    client = serve(encoder, collection=album.folder)
    first = heatmap(client, FLAG)
    numbers(client, FLAG)
    again = client.get(
        f"/v1/images/{FLAG}/heatmap",
        params={"text": "red"},
        headers={"If-None-Match": first.headers["etag"]},
    )
    assert (again.status_code, again.content, encoder.heated) == (304, b"", 1)
    other = heatmap(client, FLAG, "blue")
    assert other.headers["etag"] != first.headers["etag"] and encoder.heated == 2


def test_a_model_without_maps_says_so(client: TestClient) -> None:
    assert problem(heatmap(client, IDS["red"])) == (409, "no_heatmap")


def test_what_is_not_there_has_no_map(serve: Serve, album: Built) -> None:
    client = serve(SeeingEncoder(), collection=album.folder)
    assert problem(heatmap(client, "0" * 32)) == (404, "unknown_item")
    assert problem(heatmap(client, "red")) == (422, "invalid_request")
    client.delete(f"/v1/images/{FLAG}")
    assert problem(heatmap(client, FLAG)) == (404, "unknown_item")
    (album.pictures / "turned.png").unlink()
    assert problem(heatmap(client, TURNED)) == (410, "gone")


def test_an_original_that_was_changed_is_not_looked_at(serve: Serve, album: Built) -> None:
    client = serve(SeeingEncoder(), collection=album.folder)
    (album.pictures / "turned.png").write_bytes(b"no picture any more")
    assert problem(heatmap(client, TURNED)) == (410, "gone")


def test_a_picture_over_the_limits_of_this_server_is_refused(serve: Serve, album: Built) -> None:
    client = serve(SeeingEncoder(), collection=album.folder, max_pixels=1000)
    assert problem(heatmap(client, FLAG)) == (413, "image_too_large")


@pytest.mark.parametrize(
    "query",
    [
        *({}, {"text": ""}, {"text": "  "}, {"text": "red " * 2000}),
        *({"text": "red", "format": "svg"}, {"text": "red", "size": 7}),
    ],
)
def test_what_cannot_be_asked_is_refused(serve: Serve, album: Built, query: dict[str, str]) -> None:
    client = serve(SeeingEncoder(), collection=album.folder)
    response = client.get(f"/v1/images/{FLAG}/heatmap", params=query)
    assert problem(response) == (422, "invalid_request")


def test_a_text_that_is_cut_is_said_to_be(serve: Serve, album: Built) -> None:
    client = serve(SeeingEncoder(), collection=album.folder)
    assert numbers(client, FLAG)["warnings"] == []
    assert "cut" in numbers(client, FLAG, "red " * 100)["warnings"][0]


def test_a_map_that_fails_is_a_failure_of_its_own(serve: Serve, album: Built) -> None:
    class Failing(SeeingEncoder):
        def heat(self, asked: Sequence[HeatAsked]) -> list[Map]:
            raise RuntimeError("a defect")

    client = serve(Failing(), collection=album.folder)
    assert problem(heatmap(client, FLAG)) == (500, "internal_error")
    assert client.post("/v1/search", json={"text": "red"}).status_code == 200


def test_where_there_are_keys_it_asks_for_one(serve: Serve, album: Built, tmp_path: Path) -> None:
    keys = KeysFile(tmp_path / "keys.json")
    key, text = make_key("reader", {"read"})
    keys.add(key)
    client = serve(SeeingEncoder(), collection=album.folder, keys_file=keys.path)
    assert problem(heatmap(client, FLAG)) == (401, "key_missing")
    client.headers["x-api-key"] = text
    assert heatmap(client, FLAG).status_code == 200


def test_keys_without_scopes_stay_out(serve: Serve, album: Built, tmp_path: Path) -> None:
    keys = KeysFile(tmp_path / "keys.json")
    key, text = make_key("nobody", {"read"})
    keys.add(replace(key, scopes=frozenset()))
    client = serve(SeeingEncoder(), collection=album.folder, keys_file=keys.path)
    client.headers["x-api-key"] = text
    assert heatmap(client, FLAG).status_code == 403
