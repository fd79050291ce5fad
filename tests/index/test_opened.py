import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.items import Item, Occurrence, item_id
from index.opened import Checked, OpenFile, open_inside
from index.originals import Giving, open_original, read_original
from models.errors import GoneError
from tests.fakes import picture_bytes

DATA = picture_bytes("red", format="JPEG")
LATER = 1e12  # so that every file was written long ago


def named(path: str) -> Item:
    where = (Occurrence("s", path, None, {}),)
    return Item(item_id(DATA), len(DATA), 32, 24, "JPEG", occurrences=where)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/in").mkdir(parents=True)
    (tmp_path / "root/in/a.jpg").write_bytes(DATA)
    return tmp_path / "root"


@pytest.fixture
def opened(root: Path) -> Iterator[OpenFile]:
    file = open_inside(root, "in/a.jpg", len(DATA))
    yield file
    file.close()


def test_a_file_is_read_in_parts(opened: OpenFile) -> None:
    assert opened.size == len(DATA)
    assert opened.part(3, 5) == DATA[3:8]
    assert opened.part(len(DATA) - 2, 99) == DATA[-2:]
    assert opened.part(len(DATA), 9) == b""
    assert opened.digest() == item_id(DATA)


def test_a_file_that_is_written_to_meanwhile_is_read_no_further(
    opened: OpenFile, root: Path
) -> None:
    assert opened.part(0, 2) == DATA[:2]
    (root / "in/a.jpg").write_bytes(DATA + b"more")
    with pytest.raises(GoneError):
        opened.part(2, 2)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "in", "", "in/../../secret", "link"])
def test_what_is_no_file_within_is_not_opened(root: Path, path: str) -> None:
    (root.parent / "secret").write_bytes(DATA)
    (root / "link").symlink_to(root.parent / "secret")
    with pytest.raises((OSError, ValueError)):
        open_inside(root, path, len(DATA))


def test_a_root_may_itself_be_a_link(root: Path) -> None:
    (root.parent / "alias").symlink_to(root)
    file = open_inside(root.parent / "alias", "in/a.jpg")
    assert file.part(0, 9) == DATA[:9]
    file.close()


class Counting(OpenFile):
    read = 0

    def digest(self) -> str:
        Counting.read += 1
        return super().digest()


@pytest.mark.parametrize(("now", "reads"), [(LATER, 1), (0.0, 3)])
def test_a_files_content_is_found_once_unless_it_was_only_just_written(
    root: Path, now: float, reads: int
) -> None:
    checked, Counting.read = Checked(lambda: now), 0
    for _ in range(3):
        plain = open_inside(root, "in/a.jpg")
        file = Counting(os.open(root / "in/a.jpg", os.O_RDONLY), plain.stamp)
        assert checked.content(file) == item_id(DATA)
        file.close()
        plain.close()
    assert Counting.read == reads


def test_a_file_that_was_changed_is_found_out_whatever_is_remembered(root: Path) -> None:
    giving = Giving(Checked(lambda: LATER))
    item = named("in/a.jpg")
    open_original(item, {"s": root}, giving).close()
    other = DATA[:-20] + bytes([DATA[-20] ^ 1]) + DATA[-19:]
    (root / "in/a.jpg").write_bytes(other)
    os.utime(root / "in/a.jpg", ns=(0, 0))
    with pytest.raises(GoneError, match="changed since"):
        open_original(item, {"s": root}, giving)
    with pytest.raises(GoneError, match="not a folder"):
        read_original(item, {})
