"""Originals that lie in archives."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from index.items import Item, Occurrence, item_id
from index.originals import read_original
from index.sourcing.archive import plain_members
from index.sourcing.quick_tar import DialectError, quick_members
from models.errors import GoneError
from tests.index.sourcing.archives import BLUE, RED, tar_of, zip_of

Write = Callable[[Path, dict[str, bytes]], Path]


def item_at(path: str, data: bytes = RED) -> Item:
    found = Occurrence("s", path, None, {})
    return Item(item_id(data), len(data), 32, 24, "PNG", occurrences=(found,))


@pytest.mark.parametrize(("write", "name"), [(tar_of, "a.tar"), (zip_of, "a.ZIP")])
def test_an_original_is_read_from_an_archive_that_is_the_root(
    tmp_path: Path, write: Write, name: str
) -> None:
    root = write(tmp_path / name, {"other.png": BLUE, "./trip/1.png": RED})
    assert read_original(item_at("trip/1.png"), {"s": root}) == RED


def test_an_original_is_read_from_an_archive_in_the_root(tmp_path: Path) -> None:
    tar_of(tmp_path / "shards" / "0.tar", {"trip/1.png": RED})
    assert read_original(item_at("shards/0.tar/trip/1.png"), {"s": tmp_path}) == RED


def test_a_folder_may_be_named_like_an_archive(tmp_path: Path) -> None:
    (tmp_path / "a.tar").mkdir()
    (tmp_path / "a.tar" / "1.png").write_bytes(RED)
    assert read_original(item_at("a.tar/1.png"), {"s": tmp_path}) == RED


def test_an_archive_that_was_written_anew_is_looked_into_again(tmp_path: Path) -> None:
    root = tar_of(tmp_path / "a.tar", {"1.png": RED})
    assert read_original(item_at("1.png"), {"s": root}) == RED
    root.unlink()
    tar_of(root, {"before.png": BLUE, "1.png": RED})
    assert read_original(item_at("1.png"), {"s": root}) == RED


@pytest.mark.parametrize("files", [{"1.png": BLUE}, {"2.png": RED}, {"1.png": RED + b"x"}])
def test_a_member_that_is_gone_or_another_picture_is_gone(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    tar_of(tmp_path / "a.tar", files)
    with pytest.raises(GoneError, match=r"s/a\.tar/1\.png"):
        read_original(item_at("a.tar/1.png"), {"s": tmp_path})


def test_an_archive_outside_of_the_root_is_not_opened(tmp_path: Path) -> None:
    tar_of(tmp_path / "outside.tar", {"1.png": RED})
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link.tar").symlink_to(tmp_path / "outside.tar")
    for path in ("../outside.tar/1.png", "link.tar/1.png"):
        with pytest.raises(GoneError):
            read_original(item_at(path), {"s": tmp_path / "root"})


@pytest.mark.parametrize("content", [b"", b"no archive"])
@pytest.mark.parametrize("name", ["a.tar", "a.zip"])
def test_a_damaged_archive_makes_an_original_gone(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(GoneError):
        read_original(item_at("1.png"), {"s": tmp_path / name})


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("folder", ["a" * 20, "a" * 90, "é" * 60, "a/" * 100])
def test_an_original_is_found_in_any_dialect_of_tar(
    tmp_path: Path,
    format: int,  # noqa: A002
    folder: str,
) -> None:
    path = f"{folder.rstrip('/')}/red.png"
    with tarfile.open(tmp_path / "a.tar", "w", format=format) as opened:
        opened.addfile(tarfile.TarInfo("folder/"))
        for name, data in (("blue.png", BLUE), (path, RED), ("last.png", BLUE)):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), 1.5  # which pax alone can write
            opened.addfile(member, io.BytesIO(data))
    assert read_original(item_at(path), {"s": tmp_path / "a.tar"}) == RED


def test_a_tar_with_links_or_numbers_of_another_dialect_is_read_with_care(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as opened:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(link)
        member = tarfile.TarInfo("1.png")
        member.size = len(RED)
        opened.addfile(member, io.BytesIO(RED))
    with pytest.raises(DialectError, match="members of type b'2'"):
        list(quick_members(tmp_path / "a.tar"))
    assert read_original(item_at("1.png"), {"s": tmp_path / "a.tar"}) == RED


def test_a_quick_look_finds_what_a_careful_one_does(tmp_path: Path) -> None:
    files = {f"{number}.png": bytes(number * 100) for number in range(20)}
    path = tar_of(tmp_path / "a.tar", files)
    careful = [(member.name, member.start, member.size) for member in plain_members(path)]
    assert list(quick_members(path)) == careful


def test_an_original_in_the_second_of_two_joined_tars_is_found(tmp_path: Path) -> None:
    one, two = (
        tar_of(tmp_path / "1.tar", {"1.png": BLUE}),
        tar_of(tmp_path / "2.tar", {"2.png": RED}),
    )
    (tmp_path / "joined.tar").write_bytes(one.read_bytes() + two.read_bytes())
    assert read_original(item_at("2.png"), {"s": tmp_path / "joined.tar"}) == RED


@pytest.mark.parametrize(
    "size", [b"-0000002000\0", b"777777777777", b"\x80" + bytes(11), b"0_0_0 text\0"]
)
def test_a_size_that_is_none_ends_a_quick_look(tmp_path: Path, size: bytes) -> None:
    path = tar_of(tmp_path / "a.tar", {"1.png": RED, "2.png": RED})
    data = path.read_bytes()
    path.write_bytes(data[: 1024 + 124] + size + data[1024 + 136 :])
    with pytest.raises(DialectError):
        list(quick_members(path))
