"""Originals that lie in archives."""

from collections.abc import Callable
from pathlib import Path

import pytest

from index.items import Item, Occurrence, item_id
from index.originals import read_original
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
