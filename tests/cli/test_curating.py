"""A collection's near-duplicates, listed for people and for programs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.outcomes import Pictor, mistake
from tests.fakes import picture


@pytest.fixture
def twins(pictor: Pictor, photos: Path, tmp_path: Path) -> Path:
    """A collection in which one picture is also there in a smaller size."""
    picture("red", (32, 32)).save(photos / "small red.png")
    assert pictor("index", photos, "--out", tmp_path / "twins").code == 0
    return tmp_path / "twins"


def test_duplicates_lists_groups_with_the_largest_picture_first(
    pictor: Pictor, twins: Path
) -> None:
    listed = pictor("duplicates", twins, "--above", "0.999")
    assert listed.code == 0
    heading, first, second = listed.out.splitlines()
    assert heading == "2 pictures"
    assert first.split(maxsplit=4) == ["1.0000", "64", "x", "64", "red.png"]
    assert second.split(maxsplit=4)[1:] == ["32", "x", "32", "small red.png"]
    assert "2 pictures in 1 group" in listed.err


def test_duplicates_prints_a_json_object_a_group(pictor: Pictor, twins: Path) -> None:
    (line,) = pictor("duplicates", twins, "--above", "0.999", "--json").out.splitlines()
    first, second = json.loads(line)["pictures"]
    assert (first["paths"], first["width"], first["similarity"]) == (["red.png"], 64, 1.0)
    assert len(first["id"]) == 32
    assert second["paths"] == ["small red.png"] and second["similarity"] >= 0.999


def test_no_near_pictures_are_no_lines(pictor: Pictor, collection: Path) -> None:
    listed = pictor("duplicates", collection, "--above", "1")
    assert (listed.code, listed.out) == (0, "")
    assert "0 pictures in 0 groups" in listed.err


def test_a_threshold_that_is_no_cosine_is_a_mistake(pictor: Pictor, collection: Path) -> None:
    assert "above" in mistake(pictor("duplicates", collection, "--above", "1.5"))


def test_where_there_is_no_collection_there_are_no_duplicates(
    pictor: Pictor, tmp_path: Path
) -> None:
    assert "no collection" in mistake(pictor("duplicates", tmp_path))


def test_the_command_can_still_limit_the_threads_of_blas_when_it_begins() -> None:
    code = "import sys, cli.main; print('numpy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
