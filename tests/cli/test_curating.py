"""A collection's near-duplicates, listed, and a collection written elsewhere."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.outcomes import Pictor, mistake
from tests.fakes import picture

BACKUP_PAGE = Path(__file__).parents[2] / "docs" / "backup.md"


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


def test_vectors_are_exported_with_json_lines_for_those_without_pyarrow(
    pictor: Pictor, collection: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    told = pictor("export", collection, out, "--as", "vectors", "--metadata", "jsonl")
    assert told.code == 0 and "3 vectors of starter@" in told.out
    assert np.load(out / "img_emb" / "img_emb_0.npy").shape == (3, 256)
    lines = (out / "metadata" / "metadata_0.jsonl").read_text().splitlines()
    assert {Path(json.loads(line)["image_path"]).name for line in lines} == {
        "red.png",
        "green.png",
        "blue.png",
    }


def test_a_result_set_is_exported_in_its_order(
    pictor: Pictor, collection: Path, photos: Path, tmp_path: Path
) -> None:
    asked = ("--image", photos / "blue.png", "--limit", "2")
    told = pictor("export", collection, tmp_path / "out", "--as", "folder", *asked)
    assert (told.code, told.out) == (0, f"{tmp_path / 'out'}: 2 pictures\n")
    first, *_ = sorted((tmp_path / "out").glob("*.png"))
    assert first.name == "000001-blue.png"
    assert first.read_bytes() == (photos / "blue.png").read_bytes()


def test_a_filter_chooses_what_is_exported(
    pictor: Pictor, collection: Path, tmp_path: Path
) -> None:
    condition = json.dumps({"field": "path", "prefix": "g"})
    told = pictor("export", collection, tmp_path / "out", "--as", "folder", "--filter", condition)
    assert told.code == 0
    assert [file.name for file in (tmp_path / "out").glob("*.png")] == ["000001-green.png"]


def test_originals_that_are_gone_are_counted_and_named(
    pictor: Pictor, collection: Path, photos: Path, tmp_path: Path
) -> None:
    (photos / "red.png").unlink()
    told = pictor("export", collection, tmp_path / "out", "--as", "webdataset")
    assert told.code == 0
    assert "2 pictures, 1 that cannot be read any more" in told.out and "red.png" in told.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--as", "zip"], "vectors, folder, webdataset, collection"),
        (["--as", "vectors", "--text", "red"], "--text"),
        (["--as", "folder", "--space", "x"], "--space"),
        (["--as", "collection", "--limit", "3"], "--limit"),
        (["--as", "vectors", "--metadata", "csv"], "parquet or jsonl"),
        (["--as", "vectors", "--space", "other"], "starter@"),
    ],
)
def test_what_an_export_would_ignore_or_does_not_know_is_a_mistake(
    pictor: Pictor, collection: Path, tmp_path: Path, arguments: list[str], named: str
) -> None:
    assert named in mistake(pictor("export", collection, tmp_path / "out", *arguments))
    assert not (tmp_path / "out").exists()


def test_the_commands_of_the_page_about_backups_run(
    pictor: Pictor, collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(collection, tmp_path / "my-collection")
    blocks = re.findall(r"```sh\n(.*?)```", BACKUP_PAGE.read_text(), flags=re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert len(lines) == 5
    for pictor_itself, *arguments in lines:
        ran = pictor(*arguments)
        assert (pictor_itself, ran.code) == ("pictor", 0), (arguments, ran.err)
