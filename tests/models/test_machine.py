"""What a process may use of its machine."""

from pathlib import Path
from typing import Any

import pytest

from models import files, machine
from models.files import read_through
from models.machine import available_memory


def test_a_control_groups_memory_counts_where_it_is_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, limit = available_memory(), tmp_path / "memory.max"
    monkeypatch.setattr(machine, "MEMORY_LIMITS", (tmp_path / "none", limit))
    for said, expected in (("max\n", whole), ("1048576\n", 2**20), (f"{2**62}\n", whole)):
        limit.write_text(said)
        assert available_memory() == min(expected, whole)


def test_a_file_that_memory_would_not_hold_is_not_read_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, opened, really = tmp_path / "index", list[Path](), Path.open

    def counted(path: Path, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        opened.append(path)
        return really(path, *arguments, **named)

    file.write_bytes(b"x" * 100)
    monkeypatch.setattr(Path, "open", counted)
    for memory, expected in ((199, []), (200, [file])):
        monkeypatch.setattr(files, "available_memory", lambda memory=memory: memory)
        read_through(file)
        assert opened == expected
