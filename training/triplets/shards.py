"""Triplets on disk: WebDataset archives, and the manifest that names them.

    000000.tar      KEY.query.jpg, KEY.target.jpg, KEY.negative.0.jpg, ..., KEY.json
    manifest.json   format, format_version, and of each archive name, samples, bytes, sha256

A sample's json is {instruction, ids, source}. The pictures are files as they were found: `.jpg` is
where they stand, what they are their bytes tell. Equal triplets make equal archives. An archive is
there whole or not at all, and the manifest comes last: a folder without one, marked by the file
`unfinished`, is written anew.
Format: https://github.com/webdataset/webdataset, `writer.py` and `tariterators.py`.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from pydantic import Field

from evaluation.annotations import Entry, Kinds, fields, read_json, refuse_twice
from index.folder import checksum
from index.sourcing.archive import Sample
from index.sourcing.shard_writing import fill_shard
from models.errors import InputError
from models.files import sync, write_whole
from training.config import Section
from training.triplets.triplet import Triplet

MANIFEST = "manifest.json"
UNFINISHED = "unfinished"
FORMAT = "pictor triplets"
FORMAT_VERSION = 1
ARCHIVE = re.compile(r"\d{6}\.tar")
ARCHIVES = "[0-9]" * 6 + ".tar*"  # also those that are being written
MAX_JSON_BYTES = 1024 * 1024
QUERY, TARGET, NEGATIVE, JSON = "query.jpg", "target.jpg", "negative.{}.jpg", "json"
RECORD: Kinds = {"name": str, "samples": int, "bytes": int, "sha256": str}
SAMPLE: Kinds = {"instruction": str, "ids": list, "source": str}


class NoTripletsError(InputError):
    """There is nothing to write."""


class Sharding(Section):
    """When an archive is full: whichever comes first."""

    samples: int = Field(default=10_000, ge=1)
    bytes: int = Field(default=256 * 1024 * 1024, ge=1)


@dataclass(frozen=True)
class ShardRecord:
    """What the manifest keeps of an archive."""

    name: str
    samples: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class TripletShards:
    folder: Path
    records: tuple[ShardRecord, ...]

    @property
    def samples(self) -> int:
        return sum(record.samples for record in self.records)

    @property
    def digest(self) -> str:
        """Of all content, in its order."""
        content = " ".join(record.sha256 for record in self.records)
        return hashlib.sha256(content.encode()).hexdigest()


def write_shards(
    triplets: Iterable[Triplet], folder: Path, sharding: Sharding | None = None
) -> TripletShards:
    """Raises InputError for a folder that has anything in it but shards that are not finished, and
    where there is no triplet."""
    _claim(folder)
    records = tuple(_written(iter(triplets), folder, sharding or Sharding()))
    if not records:
        raise NoTripletsError(f"{folder}: there are no triplets to write")
    content = {"format": FORMAT, "format_version": FORMAT_VERSION}
    listed = {**content, "shards": [asdict(record) for record in records]}
    sync(folder)
    write_whole(folder / MANIFEST, json.dumps(listed, indent=1).encode())
    sync(folder)
    (folder / UNFINISHED).unlink()
    return TripletShards(folder, records)


def open_shards(folder: Path) -> TripletShards:
    """Raises InputError, naming file and entry, for shards that are not finished or not whole."""
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"{folder}: no finished shards, it has no {MANIFEST}")
    content = fields(str(path), read_json(path), {"format": str, "format_version": int})
    version = (content["format"], content["format_version"])
    if version != (FORMAT, FORMAT_VERSION):
        raise InputError(f"{path}: is {version}, expected {(FORMAT, FORMAT_VERSION)}")
    listed = fields(str(path), content, {"shards": list})["shards"]
    records = tuple(
        _record(f"{path}, shard {at}", folder, entry) for at, entry in enumerate(listed)
    )
    refuse_twice(f"{path}: 'name'", (record.name for record in records))
    if not records:
        raise InputError(f"{path}: names no shards")
    return TripletShards(folder, records)


def read_triplet(sample: Sample) -> Triplet:
    """Raises InputError, naming archive and sample, for one that is not a triplet whole."""
    count = len(sample.spans) - 3
    negatives = [NEGATIVE.format(number) for number in range(count)]
    expected = {QUERY, TARGET, JSON, *negatives}
    if sample.spans.keys() != expected:
        raise InputError(
            f"{sample}: has {', '.join(sorted(sample.spans))}, "
            f"expected {QUERY}, {TARGET}, {JSON} and negatives from {NEGATIVE.format(0)} on"
        )
    said = _said(sample)
    return Triplet(
        query=sample.spans[QUERY].read(),
        target=sample.spans[TARGET].read(),
        instruction=said["instruction"],
        ids=(said["ids"][0], said["ids"][1]),
        source=said["source"],
        negatives=tuple(sample.spans[name].read() for name in negatives),
    )


def _said(sample: Sample) -> Entry:
    span, where = sample.spans[JSON], f"{sample}: its json"
    if span.size > MAX_JSON_BYTES:
        raise InputError(f"{where} has {span.size} bytes, expected at most {MAX_JSON_BYTES}")
    try:
        content = json.loads(span.read())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} cannot be read: {error}") from error
    said = fields(where, content, SAMPLE)
    ids = said["ids"]
    if len(ids) != 2 or not all(isinstance(each, str) for each in ids):
        raise InputError(f"{where}: 'ids' is {ids}, expected two texts")
    return said


def _record(where: str, folder: Path, entry: object) -> ShardRecord:
    found = fields(where, entry, RECORD)
    record = ShardRecord(**{key: found[key] for key in RECORD})
    if not ARCHIVE.fullmatch(record.name) or record.samples < 1:
        raise InputError(f"{where}: {record.name!r} with {record.samples} samples is no shard")
    file = folder / record.name
    size = file.stat().st_size if file.is_file() else 0
    if size != record.bytes:
        raise InputError(f"{file}: has {size} bytes, {MANIFEST} expects {record.bytes}")
    return record


def _claim(folder: Path) -> None:
    if (folder / MANIFEST).exists():
        raise InputError(f"{folder}: has finished shards already, nothing was touched")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / UNFINISHED).exists():
        raise InputError(f"{folder}: neither empty nor unfinished shards, nothing was touched")
    (folder / UNFINISHED).touch()
    for stale in folder.glob(ARCHIVES):
        stale.unlink()


def _written(
    triplets: Iterator[Triplet], folder: Path, sharding: Sharding
) -> Iterator[ShardRecord]:
    number = first = 0
    for triplet in triplets:
        file = folder / f"{number:06d}.tar"
        unfinished = file.with_name(f"{file.name}.tmp")
        with unfinished.open("wb") as stream:
            count = fill_shard(stream, map(_files, chain([triplet], triplets)), first, sharding)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(file)
        yield ShardRecord(file.name, count, file.stat().st_size, checksum(file))
        number, first = number + 1, first + count


def _files(triplet: Triplet) -> Iterator[tuple[str, bytes]]:
    yield f".{QUERY}", triplet.query
    yield f".{TARGET}", triplet.target
    for number, negative in enumerate(triplet.negatives):
        yield f".{NEGATIVE.format(number)}", negative
    said = {"instruction": triplet.instruction, "ids": triplet.ids, "source": triplet.source}
    yield f".{JSON}", json.dumps(said).encode()
