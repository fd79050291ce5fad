"""A zip of pictures as a source."""

import contextlib
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from index.items import Failure
from index.sources import Root
from index.sourcing.zips import ZipSource
from models.errors import ImageError, ImageTooLargeError
from tests.index.sourcing.archives import BLUE, LONG_AGO, RED, contents, link, walked, zip_of


def source(path: Path) -> ZipSource:
    return ZipSource(Root("s", path))


def altered(path: Path, old: bytes, new: bytes) -> Path:
    """The zip with these bytes of its directory replaced."""
    data = path.read_bytes()
    at = data.index(b"PK\x01\x02")
    assert data.count(old, at) == 1
    path.write_bytes(data[:at] + data[at:].replace(old, new))
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_pictures_have_what_stands_beside_them(tmp_path: Path, method: int) -> None:
    files = {
        "trip/b.jpg": RED,
        "trip/b.txt": b"red",
        "a.png": BLUE,
        "a.json": b'{"caption": "blue", "stars": 5}',
        "notes.txt": b"of no picture",
        "__MACOSX/._a.png": b"resources",
        ".hidden/c.png": RED,
    }
    found, failures = walked(source(zip_of(tmp_path / "a.zip", files, method)))
    assert contents(found) == {"trip/b.jpg": RED, "a.png": BLUE}
    assert [(each.caption, each.metadata) for each in found] == [
        ("red", {}),
        ("blue", {"stars": 5}),
    ]
    assert failures == []


def test_names_in_any_script_are_read(tmp_path: Path) -> None:
    found, _ = walked(source(zip_of(tmp_path / "a.zip", {"写真/é.png": RED})))
    assert contents(found) == {"写真/é.png": RED}


def test_a_stamp_is_the_zips_and_the_members(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.png": RED, "2.png": RED})
    (one, two), _ = walked(source(path))
    status = path.stat()
    start = f"{status.st_size}-{LONG_AGO * 10**9}-{status.st_ino}-0-{len(RED)}-"
    assert one.stamp is not None
    assert one.stamp.startswith(start)
    assert two.stamp != one.stamp


def test_what_stands_before_a_zip_does_not_shift_it(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.png": RED})
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    assert contents(walked(source(path))[0]) == {"1.png": RED}


def test_a_zip_with_a_comment_and_64_bit_fields_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as opened, opened.open("1.png", "w", force_zip64=True) as file:
        file.write(RED)
    with zipfile.ZipFile(path, "a") as opened:
        opened.comment = b"PK a comment" * 100
    assert contents(walked(source(path))[0]) == {"1.png": RED}


def test_numbers_that_need_64_bits_are_taken_from_the_extra_field(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.png": RED}, zipfile.ZIP_STORED)
    data = path.read_bytes()
    at = data.index(b"PK\x01\x02")
    entry, end = bytearray(data[at:-22]), bytearray(data[-22:])
    wide = struct.pack("<2H3Q", 1, 24, len(RED), len(RED), 0)
    entry[20:28], entry[42:46] = b"\xff" * 8, b"\xff" * 4
    entry[30:32] = struct.pack("<H", len(wide))
    end[12:16] = struct.pack("<L", len(entry) + len(wide))
    path.write_bytes(data[:at] + entry + wide + end)
    assert contents(walked(source(path))[0]) == {"1.png": RED}


@pytest.mark.parametrize(
    "name", ["../x.png", "a/../../x.png", "/etc/x.png", "..\\x.png", "C:\\x.png"]
)
def test_a_name_that_leads_out_is_a_failure_by_name(tmp_path: Path, name: str) -> None:
    path = zip_of(tmp_path / "a.zip", {name: RED, "1.png": BLUE})
    found, (failure,) = walked(source(path))
    assert contents(found) == {"1.png": BLUE}
    assert failure.path == name
    assert "its name" in failure.reason


def test_links_and_devices_are_failures(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr(link("link.png"), "/etc/passwd")
        opened.writestr(link("device", stat.S_IFCHR), b"")
        opened.writestr(link("1.png", stat.S_IFREG), RED)
    found, failures = walked(source(path))
    assert contents(found) == {"1.png": RED}
    assert failures == [
        Failure("s", name, "expected plain files, got a link or a device")
        for name in ("link.png", "device")
    ]


def test_what_unpacks_to_far_more_than_its_bytes_is_a_failure(tmp_path: Path) -> None:
    found, (failure,) = walked(source(zip_of(tmp_path / "a.zip", {"1.bmp": bytes(2**21)})))
    assert found == []
    assert "too good a ratio" in failure.reason


def test_a_member_that_unpacks_to_more_than_it_claims_is_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.bmp": bytes(10_000)})
    altered(path, struct.pack("<L", 10_000), struct.pack("<L", 9_999))
    (found,), _ = walked(source(path))
    with pytest.raises(ImageError, match="not the bytes that its directory tells of"):
        found.read(10_000)


def test_a_member_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (found,), _ = walked(source(zip_of(tmp_path / "a.zip", {"1.png": RED})))
    with pytest.raises(ImageTooLargeError):
        found.read(len(RED) - 1)


def test_members_that_share_their_bytes_are_failures(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.png": RED, "2.png": BLUE}, zipfile.ZIP_STORED)
    data = path.read_bytes()
    second = data.index(b"PK\x03\x04", 10)
    at = data.index(struct.pack("<L", second) + b"2.png")
    path.write_bytes(data[:at] + bytes(4) + data[at + 4 :])  # both at the start
    found, failures = walked(source(path))
    assert found == []
    assert {failure.reason for failure in failures} == {"shares its bytes with another member"}


def test_other_ways_of_packing_and_encryption_are_failures(tmp_path: Path) -> None:
    packed = zip_of(tmp_path / "a.zip", {"1.png": RED}, zipfile.ZIP_LZMA)
    assert walked(source(packed)) == (
        [],
        [Failure("s", "1.png", "packed by method 14, expected stored or Deflate")],
    )
    locked = zip_of(tmp_path / "b.zip", {"1.png": RED})
    data = bytearray(locked.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(data)
    assert walked(source(locked)) == ([], [Failure("s", "1.png", "encrypted")])


def test_damaged_bytes_cost_the_picture_that_they_are_of(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.png": RED, "2.png": BLUE})
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    (one, two), _ = walked(source(path))
    assert two.read(1000) == BLUE
    with pytest.raises(ImageError, match=r"a\.zip"):
        one.read(1000)


@pytest.mark.parametrize("length", [0, 10, 60, -30])
def test_what_is_no_zip_or_is_cut_off_is_a_failure(tmp_path: Path, length: int) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.png": RED})
    path.write_bytes(path.read_bytes()[:length])
    found, (failure,) = walked(source(path))
    assert found == []
    assert (failure.path, "a.zip: cannot be read as a zip" in failure.reason) == (".", True)


def test_a_comment_that_holds_the_mark_of_an_end_is_a_comment(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.png": RED})
    with zipfile.ZipFile(path, "a") as opened:
        opened.comment = b"PK\x05\x06" + bytes(40)
    found, failures = walked(source(path))
    assert contents(found) == {"1.png": RED}
    assert failures == []


@pytest.mark.parametrize("value", [0x00, 0x7F, 0xFF])
def test_no_damage_to_a_directory_makes_a_walk_fail_or_gives_other_bytes(
    tmp_path: Path, value: int
) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.png": RED})
    data = path.read_bytes()
    for position in range(data.index(b"PK\x01\x02"), len(data)):
        path.write_bytes(data[:position] + bytes([value]) + data[position + 1 :])
        for found in walked(source(path))[0]:
            with contextlib.suppress(ImageError):
                assert found.read(100_000) == RED


def test_a_file_that_is_written_just_now_has_no_stamp(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"1.png": RED})
    os.utime(path, (5, 5))
    (found,), _ = walked(ZipSource(Root("s", path), clock=lambda: 6))
    assert found.stamp is None
