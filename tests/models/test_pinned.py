"""A folder says which gallery its query encoder writes for, or nothing, or it is refused."""

import json
from pathlib import Path

import pytest

from models.errors import ModelError
from models.pinned import PIN_FILE, read_pin, write_pin
from models.space import Space

SPACE = Space("heavy", "0123456789abcdef", 256)


def test_a_pin_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_pin(tmp_path / "light", SPACE)
    pinned = read_pin(tmp_path / "light")
    assert pinned == SPACE and pinned.model == "heavy"
    assert [file.name for file in (tmp_path / "light").iterdir()] == [PIN_FILE]


def test_a_folder_without_the_file_is_pinned_to_nothing(tmp_path: Path) -> None:
    assert read_pin(tmp_path) is None


def test_a_pin_written_again_is_the_later_one(tmp_path: Path) -> None:
    write_pin(tmp_path, SPACE)
    write_pin(tmp_path, Space("other", "ff", 8))
    assert read_pin(tmp_path) == Space("other", "ff", 8)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format": "pictor-phi"}, "pictor-query-encoder"),
        ({"version": 2}, "version 2"),
        ({"space": "heavy"}, "space"),
        ({"space": {"model": "", "revision": "ff", "dimension": 8}}, r"space\.model"),
        ({"space": {"model": "heavy", "revision": 1, "dimension": 8}}, r"space\.revision"),
        ({"space": {"model": "heavy", "revision": "ff", "dimension": 0}}, r"space\.dimension"),
        ({"space": {"model": "heavy", "revision": "ff", "dimension": True}}, r"space\.dimension"),
        ({"space": {"model": "heavy", "revision": "ff"}}, r"space\.dimension"),
    ],
)
def test_a_wrong_pin_is_refused_by_field(
    tmp_path: Path, change: dict[str, object], named: str
) -> None:
    write_pin(tmp_path, SPACE)
    content = json.loads((tmp_path / PIN_FILE).read_text())
    (tmp_path / PIN_FILE).write_text(json.dumps(content | change))
    with pytest.raises(ModelError, match=named) as raised:
        read_pin(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_pin_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PIN_FILE).write_bytes(content)
    with pytest.raises(ModelError, match=PIN_FILE):
        read_pin(tmp_path)
