"""Pictures that are sent once and then named by a handle."""

import asyncio
import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from index.items import Item
from index.jobs.reading import Decoded
from models.errors import ImageTooLargeError
from service.access.keys import make_key
from service.access.keys_file import KeysFile
from service.errors import HandleGoneError
from service.pictures.kept_folder import KeptInFolder
from service.pictures.kept_pictures import ENTRY_BYTES, KeptInMemory, Limits
from tests.fakes import picture_bytes
from tests.service.answers import Answer, found, problem
from tests.service.conftest import IDS, PICTURES, Serve

UNKNOWN = "A" * 32
RED = PICTURES["red.png"]


def keep(client: TestClient, data: bytes = RED) -> Answer:
    return client.post("/v1/pictures", files={"image": data})


def handle_of(client: TestClient, data: bytes = RED) -> str:
    response = keep(client, data)
    assert response.status_code == 201, response.text
    handle: str = response.json()["handle"]
    return handle


def search(client: TestClient, **query: Any) -> Answer:  # noqa: ANN401
    return client.post("/v1/search", json=query)


def scores(response: Answer) -> dict[str, float]:
    return {hit["id"]: hit["score"] for hit in response.json()["hits"]}


def turned(size: tuple[int, int]) -> bytes:
    """A picture that EXIF turns by a quarter."""
    image, file = Image.new("RGB", size, (255, 0, 0)), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_a_picture_is_kept_and_told_of_as_it_stands_upright(client: TestClient) -> None:
    answer = keep(client, turned((40, 20))).json()
    assert (answer["width"], answer["height"]) == (20, 40)
    assert answer["expires_at"].endswith(("Z", "+00:00"))
    thumbnail = client.get(answer["thumbnail_url"])
    assert thumbnail.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(thumbnail.content)).size == (20, 40)
    assert "private, max-age=" in thumbnail.headers["cache-control"]
    tag = {"If-None-Match": thumbnail.headers["etag"]}
    assert client.get(answer["thumbnail_url"], headers=tag).status_code == 304
    assert client.head(answer["thumbnail_url"]).headers["content-length"] == str(
        len(thumbnail.content)
    )


def test_a_handle_stands_for_the_picture_wherever_one_is_named(client: TestClient) -> None:
    kept, sent = {"handle": handle_of(client)}, {"base64": base64.b64encode(RED).decode()}
    for query in (
        {},
        {"text": "blue"},
        {"text": "blue", "composer": {"name": "slerp", "weight": 0.3}},
        {"crop": [0, 0, 0.5, 1]},
    ):
        by_handle, by_bytes = (
            search(client, image=kept, **query),
            search(client, image=sent, **query),
        )
        assert found(by_handle) == found(by_bytes)
        assert scores(by_handle) == pytest.approx(scores(by_bytes), abs=1e-6)
    without = search(client, text="yellow", exclude=[{"image": kept, "weight": 1.0}])
    assert scores(without) == pytest.approx(
        scores(search(client, text="yellow", exclude=[{"image": sent, "weight": 1.0}])), abs=1e-6
    )
    form = {"text": "yellow", "exclude": json.dumps([{"image": kept, "weight": 1.0}])}
    by_form = client.post("/v1/search/upload", files={"image": RED}, data=form)
    assert by_form.status_code == 200
    inputs = [{"image": kept}, {"image": sent}]
    first, second = client.post("/v1/embeddings", json={"input": inputs}).json()["data"]
    assert first["embedding"] == second["embedding"]


def test_a_picture_of_the_collection_is_found_by_its_own_handle(client: TestClient) -> None:
    hits = search(client, image={"handle": handle_of(client)}).json()["hits"]
    assert hits[0]["id"] == IDS["red"] and hits[0]["score"] >= 0.9999


def test_each_sending_has_a_handle_of_its_own(client: TestClient) -> None:
    handles = {handle_of(client) for _ in range(5)}
    assert len(handles) == 5 and all(len(handle) == 32 for handle in handles)


def test_a_handle_that_has_gone_is_410(serve: Serve) -> None:
    client = serve(kept_bytes=len(RED) + 1_500)
    first = handle_of(client)
    second = handle_of(client)
    for gone in (first, UNKNOWN):
        assert problem(search(client, image={"handle": gone})) == (410, "handle_gone")
        assert problem(client.get(f"/v1/pictures/{gone}/thumbnail")) == (410, "handle_gone")
        asked = {"input": {"image": {"handle": gone}}}
        assert problem(client.post("/v1/embeddings", json=asked)) == (410, "handle_gone")
    assert found(search(client, image={"handle": second}))[0] == "red"


def test_pages_go_on_when_their_picture_has_gone(serve: Serve) -> None:
    client = serve(kept_bytes=len(RED) + 1_500)
    query: dict[str, Any] = {"image": {"handle": handle_of(client)}, "limit": 2}
    cursor = search(client, **query).json()["next_cursor"]
    handle_of(client)
    assert len(search(client, **query, cursor=cursor).json()["hits"]) == 2
    other = {**query, "image": {"handle": UNKNOWN}}
    assert problem(search(client, **other, cursor=cursor)) == (422, "invalid_cursor")


@pytest.mark.parametrize("handle", ["", "A" * 31, "A" * 33, "../" + "A" * 29, "é" * 32, "A" * 9999])
def test_what_is_no_handle_is_refused(client: TestClient, handle: str) -> None:
    assert problem(search(client, image={"handle": handle})) == (422, "invalid_request")


@pytest.mark.parametrize(
    "image",
    [
        {"handle": UNKNOWN, "id": IDS["red"]},
        {"handle": UNKNOWN, "base64": ""},
        {"handle": 7},
        {"handle": [UNKNOWN]},
        {"handle": None},
    ],
)
def test_one_name_of_a_picture_is_expected(client: TestClient, image: dict[str, Any]) -> None:
    assert problem(search(client, image=image)) == (422, "invalid_request")


def test_what_is_no_picture_is_not_kept(serve: Serve) -> None:
    client = serve(max_pixels=10_000)
    assert problem(keep(client, b"")) == (422, "invalid_image")
    assert problem(keep(client, RED[: len(RED) // 2])) == (422, "invalid_image")
    assert problem(keep(client, b"<svg onload=alert(1)></svg>")) == (422, "invalid_image")
    large = picture_bytes((255, 0, 0), size=(200, 200))
    assert problem(keep(client, large)) == (413, "image_too_large")
    assert problem(client.post("/v1/pictures", data={"image": "text"})) == (
        415,
        "unsupported_media_type",
    )
    for more in ({"files": {"picture": RED}}, {"files": {"image": RED}, "data": {"name": "x"}}):
        assert problem(client.post("/v1/pictures", **more)) == (422, "invalid_request")
    two = [("image", RED), ("image", RED)]
    assert client.post("/v1/pictures", files=two).status_code in (400, 422)


def test_a_picture_over_all_that_is_kept_is_too_large(serve: Serve) -> None:
    assert problem(keep(serve(kept_bytes=0))) == (413, "image_too_large")


def test_where_there_are_keys_a_picture_is_kept_for_those_who_may_search(
    serve: Serve, tmp_path: Path
) -> None:
    keys = KeysFile(tmp_path / "keys.json")
    key, text = make_key("reader", {"read"})
    keys.add(key)
    client = serve(keys_file=keys.path)
    assert problem(keep(client)) == (401, "key_missing")
    assert problem(client.get(f"/v1/pictures/{UNKNOWN}/thumbnail")) == (401, "key_missing")
    client.headers["x-api-key"] = text
    assert found(search(client, image={"handle": handle_of(client)}))[0] == "red"


class Preparer:
    """Takes every sending for a picture with a thumbnail of ten bytes."""

    async def prepare(self, data: bytes) -> Decoded:
        return Decoded(Item("0" * 32, len(data), 4, 3, "PNG"), b"thumbnail!", None)


def test_the_oldest_leaves_first_and_none_outlives_its_time() -> None:
    now = 0.0
    limits = Limits(keep_s=60, budget_bytes=10 * ENTRY_BYTES, most=3)
    kept = KeptInMemory(Preparer(), limits, clock=lambda: now)

    async def scenario() -> None:
        nonlocal now
        handles = []
        for second in range(4):
            now = float(second)
            handles.append((await kept.keep(b"x" * second)).handle)
        with pytest.raises(HandleGoneError):
            await kept.get(handles[0])
        assert (await kept.get(handles[1])).data == b"x"
        assert kept.held_bytes == 3 * (ENTRY_BYTES + 10) + 1 + 2 + 3
        now = 61.0
        with pytest.raises(HandleGoneError):
            await kept.get(handles[1])
        assert (await kept.get(handles[2])).data == b"xx"
        large = await kept.keep(b"y" * (9 * ENTRY_BYTES - 10))
        with pytest.raises(HandleGoneError):
            await kept.get(handles[3])
        assert (await kept.get(large.handle)).width == 4
        with pytest.raises(ImageTooLargeError):
            await kept.keep(b"y" * 10 * ENTRY_BYTES)
        assert (await kept.get(large.handle)).height == 3

    asyncio.run(scenario())


def test_a_picture_leaves_memory_though_nobody_asks() -> None:
    kept = KeptInMemory(Preparer(), Limits(keep_s=0.01, budget_bytes=10 * ENTRY_BYTES))

    async def scenario() -> None:
        await kept.keep(b"x")
        async with asyncio.timeout(60):
            while kept.held_bytes:
                await asyncio.sleep(0.01)

    asyncio.run(scenario())


def test_replicas_that_share_a_folder_know_each_others_handles(
    serve: Serve, tmp_path: Path
) -> None:
    first, second = (serve(kept_folder=tmp_path / "kept") for _ in range(2))
    answer = keep(first).json()
    assert found(search(second, image={"handle": answer["handle"]}))[0] == "red"
    thumbnail = second.get(answer["thumbnail_url"])
    assert thumbnail.content == first.get(answer["thumbnail_url"]).content
    assert problem(search(second, image={"handle": UNKNOWN})) == (410, "handle_gone")
    assert problem(keep(serve(kept_folder=tmp_path / "kept", kept_bytes=0))) == (
        413,
        "image_too_large",
    )


def test_in_a_folder_too_the_oldest_leaves_first_and_none_outlives_its_time(
    tmp_path: Path,
) -> None:
    now = 1_000.0
    limits = Limits(keep_s=60, budget_bytes=10 * ENTRY_BYTES, most=3)
    kept = KeptInFolder(tmp_path / "kept", Preparer(), limits, clock=lambda: now)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "begun.tmp").write_bytes(b"by a process that was killed")
    os.utime(tmp_path / "kept" / "begun.tmp", (now, now))

    async def scenario() -> None:
        nonlocal now
        handles = []
        for second in range(4):
            now = 1_000.0 + second
            handles.append((await kept.keep(b"x\n" * second)).handle)
        with pytest.raises(HandleGoneError):
            await kept.get(handles[0])
        assert (await kept.get(handles[2])).data == b"x\nx\n"
        assert (await kept.get(handles[2])).thumbnail == b"thumbnail!"
        assert kept.left_s(await kept.get(handles[2])) == pytest.approx(59)
        now = 1_061.0
        with pytest.raises(HandleGoneError):
            await kept.get(handles[1])
        for _ in range(2):
            await kept.keep(b"y" * (9 * ENTRY_BYTES - 10))
        with pytest.raises(HandleGoneError):
            await kept.get(handles[2])

    asyncio.run(scenario())
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_said(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    client = serve(kept_folder=tmp_path / "file")
    assert problem(keep(client)) == (503, "collection_unavailable")
