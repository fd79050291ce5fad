import hashlib
import io
import struct
import zlib
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from index.items import Item, Occurrence
from service.pictures.files import disposition
from tests.service.answers import found, problem
from tests.service.conftest import IDS, PICTURES, Built, Serve

UNKNOWN = "0" * 32


@pytest.fixture
def client_of_a_lost_picture(serve: Serve, built: Built, tmp_path: Path) -> TestClient:
    """As served where red.png is no longer, and blue.png is another picture."""
    for name, data in PICTURES.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "red.png").unlink()
    (tmp_path / "blue.png").write_bytes(PICTURES["green.png"])
    return serve(roots={"pictures": tmp_path})


def test_an_item_is_told_with_every_place_where_it_was_found(client: TestClient) -> None:
    item = client.get(f"/v1/images/{IDS['red']}").json()
    assert (item["id"], item["format"], item["bytes"]) == (
        IDS["red"],
        "PNG",
        len(PICTURES["red.png"]),
    )
    assert (item["width"], item["height"], item["path"]) == (32, 24, "red.png")
    assert item["occurrences"] == [
        {"source": "pictures", "path": "red.png", "caption": None, "metadata": {}}
    ]


@pytest.mark.parametrize(
    ("name", "media_type"), [("red.png", "image/png"), ("orange.jpg", "image/jpeg")]
)
def test_an_original_is_given_byte_for_byte_under_its_media_type(
    client: TestClient, name: str, media_type: str
) -> None:
    response = client.get(f"/v1/images/{IDS[Path(name).stem]}/file")
    assert response.content == PICTURES[name]
    assert response.headers["content-type"] == media_type
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-disposition"].startswith(f'inline; filename="{name}"')


def test_a_thumbnail_is_a_webp(client: TestClient) -> None:
    response = client.get(f"/v1/images/{IDS['red']}/thumbnail")
    assert response.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(response.content)).format == "WEBP"


@pytest.mark.parametrize("part", ["file", "thumbnail"])
def test_files_are_cached_by_content(client: TestClient, part: str) -> None:
    address = f"/v1/images/{IDS['red']}/{part}"
    first = client.get(address)
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = client.get(address, headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("part", ["", "/file", "/thumbnail"])
def test_an_unknown_item_is_not_found(client: TestClient, part: str) -> None:
    assert problem(client.get(f"/v1/images/{UNKNOWN}{part}")) == (404, "unknown_item")


@pytest.mark.parametrize("part", ["", "/file", "/thumbnail"])
@pytest.mark.parametrize("bad_id", ["red", "A" * 32, "0" * 33, "..%2f..%2fetc%2fpasswd", "%00"])
def test_what_is_no_id_never_reaches_the_collection(
    client: TestClient, bad_id: str, part: str
) -> None:
    assert problem(client.get(f"/v1/images/{bad_id}{part}")) in [
        (422, "invalid_request"),
        (404, "not_found"),
    ]


@pytest.mark.parametrize("name", ["red", "blue"])
def test_an_original_that_is_gone_or_changed_is_said_to_be_gone(
    client_of_a_lost_picture: TestClient, name: str
) -> None:
    client = client_of_a_lost_picture
    assert problem(client.get(f"/v1/images/{IDS[name]}/file")) == (410, "gone")
    query = {"image": {"id": IDS[name]}, "text": "green"}
    assert problem(client.post("/v1/search", json=query)) == (410, "gone")


def test_a_lost_original_is_still_found_and_seen_small(
    client_of_a_lost_picture: TestClient,
) -> None:
    client = client_of_a_lost_picture
    assert found(client.post("/v1/search", json={"text": "red", "limit": 1})) == ["red"]
    assert client.get(f"/v1/images/{IDS['red']}/thumbnail").status_code == 200


def test_a_gone_original_does_not_tell_where_it_lay(
    client_of_a_lost_picture: TestClient, tmp_path: Path
) -> None:
    response = client_of_a_lost_picture.get(f"/v1/images/{IDS['red']}/file")
    assert str(tmp_path) not in response.text


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("trip/beach.jpg", "inline; filename=\"beach.jpg\"; filename*=UTF-8''beach.jpg"),
        ('a"\\\r\nb.jpg', "inline; filename=\"a____b.jpg\"; filename*=UTF-8''a%22%5C%0D%0Ab.jpg"),
        ("Straße.png", "inline; filename=\"Stra_e.png\"; filename*=UTF-8''Stra%C3%9Fe.png"),
        ("\udcff.png", "inline; filename=\"_.png\"; filename*=UTF-8''%3F.png"),
    ],
)
def test_a_files_name_cannot_break_out_of_its_header(path: str, expected: str) -> None:
    item = Item("0" * 32, 1, 1, 1, "JPEG", occurrences=(Occurrence("s", path, None, {}),))
    assert disposition(item) == expected


def bomb() -> bytes:
    """A PNG of a few bytes whose header claims 50,000 x 50,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


SPOILED = [
    (b"", (422, "invalid_image")),
    (b"no picture", (422, "invalid_image")),
    (PICTURES["orange.jpg"][:-200], (422, "invalid_image")),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", (422, "invalid_image")),
    (bomb(), (413, "image_too_large")),
]


@pytest.mark.parametrize(("data", "expected"), SPOILED)
def test_a_picture_that_cannot_be_read_is_refused_and_serving_goes_on(
    client: TestClient, data: bytes, expected: tuple[int, str]
) -> None:
    response = client.post("/v1/search/upload", files={"image": data})
    assert problem(response) == expected
    after = client.post("/v1/search/upload", files={"image": PICTURES["red.png"]})
    assert found(after)[0] == "red"


def test_pixels_are_limited_by_the_settings(serve: Serve) -> None:
    client = serve(max_pixels=32 * 24 - 1)
    response = client.post("/v1/search/upload", files={"image": PICTURES["red.png"]})
    assert problem(response) == (413, "image_too_large")


def test_serving_changes_no_original(client: TestClient, built: Built) -> None:
    client.get(f"/v1/images/{IDS['red']}/file")
    for name, data in PICTURES.items():
        digest = hashlib.sha256((built.pictures / name).read_bytes()).digest()
        assert digest == hashlib.sha256(data).digest()
