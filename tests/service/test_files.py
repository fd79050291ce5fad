"""Originals and thumbnails over HTTP: ranges, conditions, where they come from, what they tell."""

import io
import os
import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import ExifTags, Image

from index.items import item_id
from service.pictures.file_body import PART_BYTES
from tests.fakes import ColourEncoder, picture, picture_bytes
from tests.service.answers import problem
from tests.service.conftest import IDS, PICTURES, Built, Serve, index

RED = PICTURES["red.png"]
SIZE = len(RED)
GPS = ExifTags.GPS
PLACE = {
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (59, 54, 36),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (10, 45, 0),
}
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a exif:GPSLatitude="59,54.6N"/></x:xmpmeta>'


def address(part: str = "file", name: str = "red") -> str:
    return f"/v1/images/{IDS[name]}/{part}"


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=2-9", 2, 9),
        ("bytes=5-", 5, SIZE - 1),
        ("bytes=5-99999999", 5, SIZE - 1),
        ("bytes=-3", SIZE - 3, SIZE - 1),
        ("Bytes=-99999999", 0, SIZE - 1),
    ],
)
def test_a_range_is_given(client: TestClient, wanted: str, first: int, last: int) -> None:
    answer = client.get(address(), headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (206, RED[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", "bytes=-0", f"bytes={SIZE + 5}-{SIZE + 9}"])
def test_a_range_outside_of_the_file_is_a_416_that_tells_its_size(
    client: TestClient, wanted: str
) -> None:
    for part in ("file", "thumbnail"):
        answer = client.get(address(part), headers={"Range": wanted.replace(str(SIZE), "99999")})
        if "-0" not in wanted:
            assert problem(answer) == (416, "range_not_satisfiable")
    answer = client.get(address(), headers={"Range": wanted})
    assert problem(answer) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "wanted", ["bytes=", "bytes=-", "bytes=9-2", "bytes=a-b", "lines=0-1", "bytes=0-1,3-4", "²-³"]
)
def test_what_is_no_single_range_gives_the_whole(client: TestClient, wanted: str) -> None:
    answer = client.get(address(), headers={b"Range": wanted.encode()})
    assert (answer.status_code, answer.content) == (200, RED)
    assert answer.headers["accept-ranges"] == "bytes"


def test_a_range_goes_with_the_file_that_if_range_names(client: TestClient) -> None:
    tag = client.get(address()).headers["etag"]
    for condition, status in (
        (tag, 206),
        ('"other"', 200),
        (f"W/{tag}", 200),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 200),
    ):
        headers = {"Range": "bytes=0-3", "If-Range": condition}
        assert client.get(address(), headers=headers).status_code == status


@pytest.mark.parametrize("part", ["file", "thumbnail"])
def test_conditions_are_answered_as_the_tag_says(client: TestClient, part: str) -> None:
    tag = client.get(address(part)).headers["etag"]
    for headers, status in (
        ({"If-None-Match": f'"x", W/{tag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-Match": tag}, 200),
        ({"If-Match": f'"x", {tag}'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-None-Match": tag, "Range": "bytes=0-1"}, 304),
    ):
        assert client.get(address(part), headers=headers).status_code == status, headers
    for other in ('"x"', f"W/{tag}"):
        answer = client.get(address(part), headers={"If-Match": other})
        assert problem(answer) == (412, "precondition_failed")


@pytest.mark.parametrize("part", ["file", "thumbnail"])
def test_a_head_is_the_gets_without_its_body(client: TestClient, part: str) -> None:
    got, head = client.get(address(part)), client.head(address(part))
    assert (head.status_code, head.content) == (200, b"")
    own = {"date", "x-request-id"}
    for name in set(got.headers) - own:
        assert head.headers[name] == got.headers[name], name
    assert client.head(address(part), headers={"Range": "bytes=0-1"}).status_code == 200
    assert client.head(f"/v1/images/{'0' * 32}/{part}").status_code == 404


def test_the_two_files_of_a_picture_have_tags_of_their_own(client: TestClient) -> None:
    tags = {client.get(address(part)).headers["etag"] for part in ("file", "thumbnail")}
    assert len(tags) == 2


class Album:
    """A collection of its own, whose pictures a test may change."""

    def __init__(self, place: Path, **files: bytes) -> None:
        self.built = Built(place / "collection", place / "pictures")
        self.pictures = self.built.pictures
        (self.pictures / "in").mkdir(parents=True)
        for name, data in files.items():
            (self.pictures / "in" / name).write_bytes(data)
        index(self.built, ColourEncoder())

    def file(self, name: str) -> Path:
        return self.pictures / "in" / name


def test_a_large_file_is_sent_in_parts_and_whole(serve: Serve, tmp_path: Path) -> None:
    data = picture_bytes("red", (700, 700), "BMP")
    assert len(data) > 3 * PART_BYTES
    album = Album(tmp_path, **{"large.bmp": data})
    client = serve(collection=album.built.folder)
    where = f"/v1/images/{item_id(data)}/file"
    assert client.get(where).content == data
    first, last = PART_BYTES - 7, 2 * PART_BYTES + 7
    part = client.get(where, headers={"Range": f"bytes={first}-{last}"})
    assert part.content == data[first : last + 1]


def swapped_for_a_link(album: Album, outside: Path) -> None:
    album.file("red.png").unlink()
    album.file("red.png").symlink_to(outside / "red.png")


def folder_swapped_for_a_link(album: Album, outside: Path) -> None:
    shutil.rmtree(album.pictures / "in")
    (album.pictures / "in").symlink_to(outside)


def swapped_for_a_pipe(album: Album, _: Path) -> None:
    album.file("red.png").unlink()
    os.mkfifo(album.file("red.png"))


def swapped_for_another(album: Album, _: Path) -> None:
    other = bytearray(RED)
    other[-20] ^= 1
    album.file("red.png").write_bytes(other)


def removed(album: Album, _: Path) -> None:
    album.file("red.png").unlink()


@pytest.mark.parametrize(
    "change",
    [
        swapped_for_a_link,
        folder_swapped_for_a_link,
        swapped_for_a_pipe,
        swapped_for_another,
        removed,
    ],
)
@pytest.mark.parametrize("asked_before", [False, True])
def test_nothing_is_served_from_outside_and_no_other_picture(
    serve: Serve, tmp_path: Path, change: object, asked_before: bool
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "red.png").write_bytes(RED)  # the very bytes, and still not the collection's
    album = Album(tmp_path / "album", **{"red.png": RED})
    client = serve(collection=album.built.folder)
    if asked_before:
        assert client.get(address()).content == RED
    change(album, outside)  # type: ignore[operator]
    for headers in ({}, {"Range": "bytes=0-3"}):
        assert problem(client.get(address(), headers=headers)) == (410, "gone")
    assert client.head(address()).status_code == 410


def test_a_link_within_the_root_leads_on(serve: Serve, tmp_path: Path) -> None:
    album = Album(tmp_path, **{"red.png": RED})
    album.file("red.png").rename(album.pictures / "moved.png")
    album.file("red.png").symlink_to(album.pictures / "moved.png")
    assert serve(collection=album.built.folder).get(address()).content == RED


def test_a_thumbnail_is_not_followed_out_of_the_collection(serve: Serve, tmp_path: Path) -> None:
    album = Album(tmp_path / "album", **{"red.png": RED})
    secret = tmp_path / "secret"
    secret.write_bytes(b"password")
    folder = album.built.folder / "thumbnails" / IDS["red"][:2]
    (folder / f"{IDS['red']}.webp").unlink()
    (folder / f"{IDS['red']}.webp").symlink_to(secret)
    answer = serve(collection=album.built.folder).get(address("thumbnail"))
    assert problem(answer) == (410, "gone")


def placed(format: str) -> bytes:  # noqa: A002
    file, tags = io.BytesIO(), Image.Exif()
    tags[ExifTags.Base.Make] = "Maker"
    tags.get_ifd(ExifTags.IFD.GPSInfo).update({int(tag): of for tag, of in PLACE.items()})
    more = {} if format in ("PNG", "TIFF") else {"xmp": XMP}
    picture("red").save(file, format, exif=tags, **more)
    return file.getvalue()


def place_of(data: bytes) -> dict[int, object]:
    return dict(Image.open(io.BytesIO(data)).getexif().get_ifd(ExifTags.IFD.GPSInfo))


@pytest.mark.parametrize(("format", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_the_place_is_left_out_of_originals_where_the_setting_says_so(
    serve: Serve,
    tmp_path: Path,
    format: str,  # noqa: A002
    suffix: str,
) -> None:
    data = placed(format)
    assert place_of(data)
    album = Album(tmp_path, **{f"a.{suffix}": data})
    where = f"/v1/images/{item_id(data)}/file"
    as_it_is = serve(collection=album.built.folder).get(where)
    assert as_it_is.content == data
    client = serve(collection=album.built.folder, strip_gps=True)
    answer = client.get(where)
    assert place_of(answer.content) == {} and b"GPS" not in answer.content
    assert Image.open(io.BytesIO(answer.content)).getexif()[ExifTags.Base.Make] == "Maker"
    assert answer.headers["etag"] != as_it_is.headers["etag"]
    assert client.head(where).headers["content-length"] == str(len(answer.content))
    # in parts it tells no more than as a whole
    parts = [
        client.get(where, headers={"Range": f"bytes={first}-{first + 99}"}).content
        for first in range(0, len(answer.content), 100)
    ]
    assert b"".join(parts) == answer.content


def test_a_format_whose_place_cannot_be_left_out_is_refused(serve: Serve, tmp_path: Path) -> None:
    data = placed("TIFF")
    album = Album(tmp_path, **{"a.tif": data})
    where = f"/v1/images/{item_id(data)}/file"
    client = serve(collection=album.built.folder, strip_gps=True)
    for answer in (client.get(where), client.get(where, headers={"Range": "bytes=0-9"})):
        assert problem(answer) == (403, "withheld")
    assert client.get(where.replace("file", "thumbnail")).status_code == 200
    assert serve(collection=album.built.folder).get(where).content == data


@pytest.mark.parametrize(("format", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_a_thumbnail_never_tells_the_place(
    serve: Serve,
    tmp_path: Path,
    format: str,  # noqa: A002
    suffix: str,
) -> None:
    data = placed(format)
    album = Album(tmp_path, **{f"a.{suffix}": data})
    thumbnail = serve(collection=album.built.folder).get(f"/v1/images/{item_id(data)}/thumbnail")
    assert dict(Image.open(io.BytesIO(thumbnail.content)).getexif()) == {}
    assert b"GPS" not in thumbnail.content and b"EXIF" not in thumbnail.content
