"""Sources other than folders, from the first job over them to an original that is served."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from index.collection import Collection
from index.items import item_id
from index.job import JobOptions, Report, build_collection
from index.sources import VectorSource, open_source
from tests.fakes import ColourEncoder
from tests.index.album import contents, save
from tests.index.sourcing.archives import BLUE, RED, tar_of, zip_of


def shards(folder: Path) -> str:
    tar_of(folder / "shards" / "0.tar", {"1.png": RED, "1.txt": b"red"})
    tar_of(folder / "shards" / "1.tar", {"1.png": BLUE, "../x.png": RED})
    return str(folder / "shards")


def archive(folder: Path) -> str:
    return str(tar_of(folder / "a.tar", {"1.png": RED, "1.txt": b"red", "2.png": BLUE}))


def zipped(folder: Path) -> str:
    return str(zip_of(folder / "a.zip", {"1.png": RED, "1.txt": b"red", "2.png": BLUE}))


def table(folder: Path) -> str:
    save(folder, "1.png", "red")
    save(folder, "2.png", "blue")
    red = {"path": "1.png", "caption": "red"}
    rows = [red, {"path": "2.png"}, red]
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(folder / "t.jsonl")


def build(out: Path, source: str) -> Report:
    opened = open_source(f"s={source}")
    assert not isinstance(opened, VectorSource)
    options = JobOptions(threads=2, batch_size=4)
    return build_collection(out, [opened], ColourEncoder(), model="colours", options=options)


@pytest.mark.parametrize("made", [shards, archive, zipped, table])
def test_a_source_is_collected_and_its_originals_are_read_from_it(
    tmp_path: Path, made: Callable[[Path], str]
) -> None:
    source, out = made(tmp_path), tmp_path / "out"
    assert build(out, source).items == 2
    assert contents(out).keys() == {item_id(RED), item_id(BLUE)}
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        assert snapshot.original(item_id(RED)) == RED
        assert snapshot.original(item_id(BLUE)) == BLUE
        assert snapshot.item(item_id(RED)).caption == "red"
    collection.close()


@pytest.mark.parametrize("made", [shards, archive, zipped])
def test_a_second_job_has_nothing_to_embed(tmp_path: Path, made: Callable[[Path], str]) -> None:
    source, out = made(tmp_path), tmp_path / "out"
    build(out, source)
    report = build(out, source)
    assert (report.items, report.embedded) == (2, 0)
