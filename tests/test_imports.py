"""The arrows between the rooms, read off the import statements."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]

# transitive: service -> index -> models and training -> evaluation -> index -> models
MAY_ENTER = {
    "models": set[str](),
    "index": {"models"},
    "service": {"index", "models"},
    "evaluation": {"index", "models"},
    "training": {"evaluation", "index", "models"},
    "cli": {"service", "index", "models", "evaluation", "training"},
}


def files_of(room: str) -> Iterator[Path]:
    """A room is a folder, or one file."""
    if (REPOSITORY / f"{room}.py").is_file():
        yield REPOSITORY / f"{room}.py"
    yield from (REPOSITORY / room).rglob("*.py")


def imported_by(source: str) -> set[str]:
    """The packages that a file imports, wherever in it the statement stands."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # a relative import would not say which room it enters
            found.add("." if node.level else (node.module or "").split(".")[0])
    return found


def importers_of(package: str) -> list[str]:
    return [
        str(file.relative_to(REPOSITORY))
        for room in MAY_ENTER
        for file in files_of(room)
        if package in imported_by(file.read_text())
    ]


def test_every_import_statement_is_seen_wherever_it_stands() -> None:
    source = "import a.b as c, d\ndef f():\n  from e.f import g\nfrom . import h"
    assert imported_by(source) == {"a", "d", "e", "."}


def test_rooms_enter_only_the_rooms_below_them() -> None:
    forbidden = [
        f"{file.relative_to(REPOSITORY)} imports {entered}"
        for room, allowed in MAY_ENTER.items()
        for file in files_of(room)
        for entered in imported_by(file.read_text()) & {*MAY_ENTER, "tests", "benchmarks", "."}
        if entered not in allowed | {room}
    ]
    assert forbidden == []


def test_every_room_has_files() -> None:
    assert all(list(files_of(room)) for room in MAY_ENTER)


def test_an_index_of_vectors_needs_no_torch() -> None:
    """Which takes seconds and hundreds of megabytes."""
    command = "import index.faiss, sys; print('torch' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", command], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    assert ran.stdout == "False\n"


def test_one_file_imports_faiss() -> None:
    assert importers_of("faiss") == ["index/faiss.py"]


def test_one_file_imports_pymilvus() -> None:
    assert importers_of("pymilvus") == ["index/milvus/client.py"]


def test_one_file_imports_open_clip() -> None:
    assert importers_of("open_clip") == ["models/openclip.py"]
