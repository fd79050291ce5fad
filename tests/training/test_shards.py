"""Triplets in archives: written whole or not at all, and refused where they are not whole."""

import io
import json
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from models.errors import InputError
from tests.training.numbered import epoch, triplet, written
from training.triplets.shard_reader import Order, read_triplets
from training.triplets.shards import (
    MANIFEST,
    Sharding,
    TripletShards,
    open_shards,
    write_shards,
)
from training.triplets.triplet import Triplet

Members = dict[str, bytes]


def members(archive: Path) -> Members:
    with tarfile.open(archive) as opened:
        read = {member.name: opened.extractfile(member) for member in opened}
        return {name: file.read() for name, file in read.items() if file}


def rewritten(folder: Path, content: Members) -> TripletShards:
    """The folder's only archive with these members instead, which the manifest agrees with."""
    path = folder / "000000.tar"
    with tarfile.open(path, "w") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return resized(folder)


def resized(folder: Path) -> TripletShards:
    change(folder, bytes=(folder / "000000.tar").stat().st_size)
    return open_shards(folder)


def change(folder: Path, **values: object) -> None:
    """What the manifest says of the first archive."""
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    manifest["shards"][0] |= values
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_a_sample_has_the_files_of_the_published_layout(tmp_path: Path) -> None:
    write_shards([triplet(0, negatives=2), triplet(1)], tmp_path)
    content = members(tmp_path / "000000.tar")
    assert list(content) == [
        "000000000.query.jpg",
        "000000000.target.jpg",
        "000000000.negative.0.jpg",
        "000000000.negative.1.jpg",
        "000000000.json",
        "000000001.query.jpg",
        "000000001.target.jpg",
        "000000001.json",
    ]
    assert content["000000000.negative.1.jpg"] == b"negative 1"
    assert json.loads(content["000000001.json"]) == {
        "instruction": "make it 1, plus bleu",
        "ids": ["q1", "t1"],
        "source": "http://a",
    }


def test_what_was_written_is_read(tmp_path: Path) -> None:
    triplets = [triplet(number, negatives=number) for number in range(3)]
    shards = write_shards(triplets, tmp_path / "new", Sharding(samples=2))
    assert [record.name for record in shards.records] == ["000000.tar", "000001.tar"]
    assert open_shards(tmp_path / "new") == shards
    read = [each for _, each in islice(read_triplets(shards, Order(seed=0)), 3)]
    assert sorted(read, key=lambda each: each.ids) == triplets


def test_an_archive_is_full_by_samples_or_by_bytes(tmp_path: Path) -> None:
    by_samples = written(tmp_path / "a", 5, samples=2)
    assert [record.samples for record in by_samples.records] == [2, 2, 1]
    # a sample is three members, each a header and a block
    write_shards(map(triplet, range(5)), tmp_path / "b", Sharding(bytes=2 * 3 * 1024))
    assert [record.samples for record in open_shards(tmp_path / "b").records] == [2, 2, 1]


def test_equal_triplets_make_equal_archives(tmp_path: Path) -> None:
    assert written(tmp_path / "a", 5).records == written(tmp_path / "b", 5).records


def test_writing_that_was_cut_short_begins_anew(tmp_path: Path) -> None:
    def failing() -> Iterator[Triplet]:
        yield from map(triplet, range(7))
        raise InputError("the source is gone")

    with pytest.raises(InputError, match="the source is gone"):
        write_shards(failing(), tmp_path, Sharding(samples=2))
    with pytest.raises(InputError, match=r"no finished shards, it has no manifest\.json"):
        open_shards(tmp_path)
    assert sorted(epoch(written(tmp_path, 2), Order(seed=0))) == [0, 1]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["000000.tar", MANIFEST]


def test_finished_shards_are_not_written_over(tmp_path: Path) -> None:
    shards = written(tmp_path, 2)
    with pytest.raises(InputError, match="has finished shards already"):
        write_shards([triplet(7)], tmp_path)
    assert open_shards(tmp_path) == shards


def test_archives_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "000000.tar").write_bytes(b"mine")
    with pytest.raises(InputError, match="neither empty nor unfinished shards"):
        write_shards([triplet(7)], tmp_path)
    assert (tmp_path / "000000.tar").read_bytes() == b"mine"


def test_a_digest_tells_other_content(tmp_path: Path) -> None:
    digests = [written(tmp_path / f"{at}", count).digest for at, count in enumerate((5, 5, 6))]
    assert digests[0] == digests[1] != digests[2]


def test_no_triplets_are_no_shards(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no triplets to write"):
        write_shards([], tmp_path)
    assert not (tmp_path / MANIFEST).exists()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"000000000.target.jpg": None}, "has json, query.jpg, expected query.jpg, target.jpg"),
        ({"000000000.json": None}, "has query.jpg, target.jpg, expected"),
        ({"000000000.notes.txt": b""}, "has json, notes.txt"),
        ({"000000000.negative.1.jpg": b""}, "negatives from negative.0.jpg on"),
        ({"000000000.json": b"{"}, "its json cannot be read"),
        ({"000000000.json": b"[" * 100_000}, "its json cannot be read"),
        ({"000000000.json": b" " * 1_048_577}, "its json has 1048577 bytes"),
        (
            {"000000000.json": b'{"ids": ["a", "b"], "source": ""}'},
            "its json: has no 'instruction'",
        ),
        (
            {"000000000.json": b'{"instruction": "", "ids": ["a"], "source": ""}'},
            "'ids' is ['a'], expected two texts",
        ),
    ],
)
def test_a_sample_that_is_no_triplet_is_refused_by_archive_and_key(
    tmp_path: Path, wrong: dict[str, bytes | None], named: str
) -> None:
    written(tmp_path, 1)
    content = {**members(tmp_path / "000000.tar"), **wrong}
    shards = rewritten(tmp_path, {name: data for name, data in content.items() if data is not None})
    with pytest.raises(InputError) as refused:
        next(read_triplets(shards, Order(seed=0)))
    assert "000000.tar, sample '000000000'" in str(refused.value) and named in str(refused.value)


def test_an_archive_that_is_cut_off_is_refused_by_its_name(tmp_path: Path) -> None:
    written(tmp_path, 2)
    path = tmp_path / "000000.tar"
    path.write_bytes(path.read_bytes()[: 4 * 1024 + 600])  # in the second sample's second file
    with pytest.raises(InputError, match=r"000000\.tar: has 4696 bytes, manifest\.json expects"):
        open_shards(tmp_path)
    shards = resized(tmp_path)  # as if its manifest did not tell
    with pytest.raises(InputError, match=r"000000\.tar: cannot .* behind '000000001\.target\.jpg'"):
        next(read_triplets(shards, Order(seed=0)))


@pytest.mark.parametrize(("samples", "found"), [(1, "2 samples or more"), (3, "2 samples")])
def test_an_archive_of_other_samples_than_the_manifest_says_is_refused(
    tmp_path: Path, samples: int, found: str
) -> None:
    written(tmp_path, 2)
    change(tmp_path, samples=samples)
    with pytest.raises(InputError, match=rf"000000\.tar: has {found}.*expected {samples}"):
        epoch(open_shards(tmp_path), Order(seed=0))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"name": "../000000.tar"}, "shard 0: '../000000.tar' with 2 samples is no shard"),
        ({"samples": 0}, "shard 0: '000000.tar' with 0 samples is no shard"),
        ({"samples": "2"}, "shard 0: 'samples' is a str"),
        ({"name": "000001.tar"}, "000001.tar: has 0 bytes"),
    ],
)
def test_a_manifest_of_another_form_is_refused_by_its_entry(
    tmp_path: Path, values: dict[str, object], named: str
) -> None:
    written(tmp_path, 2)
    change(tmp_path, **values)
    with pytest.raises(InputError) as refused:
        open_shards(tmp_path)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"format": "pictor triplets", "format_version": 2, "shards": []}, "expected"),
        ({"format": "pictor triplets", "format_version": 1, "shards": []}, "names no shards"),
        ({"format": "pictor triplets", "format_version": 1}, "has no 'shards'"),
    ],
)
def test_a_manifest_of_another_version_is_refused(
    tmp_path: Path, content: object, named: str
) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(InputError, match=named):
        open_shards(tmp_path)
