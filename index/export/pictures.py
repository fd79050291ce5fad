"""Pictures copied out of a collection, with what it knows of them: a folder, or WebDataset shards.

    000001-beach.jpg, 000001-beach.json, ...   in a folder, in the order that was asked for
    00000.tar: 000000000.jpg, .txt, .json, ... in shards; a sample without a caption has no .txt

The bytes are the originals'. The .json holds caption and metadata as a folder's sidecars do, so
that `pictor index` reads both back, and under `pictor` where the picture was found, its id and, in
a result set, its score. Names are made of a number and of harmless characters: nothing is written
elsewhere, or twice. An original that cannot be read any more is told to the listener.
Format: https://github.com/webdataset/webdataset, `writer.py`.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import Any

from index.export.place import claim_empty, make_durable, whole
from index.filtering.filters import Filter
from index.found import Listener
from index.items import Failure, Item
from index.search import MAX_LIMIT, search
from index.snapshot import Snapshot
from index.sourcing.shard_writing import fill_shard
from models.decode import EXTENSIONS
from models.errors import GoneError
from models.files import sync
from models.query import Question

STEM = 50  # characters of at most four bytes: file systems allow 255
HARMLESS = re.compile(r"[^\w-]+")


@dataclass(frozen=True)
class Full:
    """When a shard is: whichever comes first."""

    samples: int = 10_000
    bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True)
class Wanted:
    id: str
    score: float | None = None


@dataclass(frozen=True)
class Original:
    item: Item
    score: float | None
    data: bytes

    @property
    def suffix(self) -> str:
        """That of its path where it is a picture's, else that of its format."""
        suffix = PurePosixPath(_file_path(self.item.path)).suffix.lower()
        return suffix if suffix in EXTENSIONS else f".{self.item.format.lower()}"

    @property
    def sidecar(self) -> bytes:
        first = self.item.occurrences[0]
        found: dict[str, Any] = {"id": self.item.id, "source": first.source, "path": first.path}
        if self.score is not None:
            found["score"] = self.score
        said: dict[str, Any] = {**self.item.metadata, "pictor": found}
        if self.item.caption is not None:
            said["caption"] = self.item.caption
        return json.dumps(said, ensure_ascii=False).encode()


def everything(snapshot: Snapshot, where: Filter | None = None) -> Iterator[Wanted]:
    selection = None if where is None else snapshot.matching(where)
    for rows, _ in snapshot.gallery.chunks(()):
        chosen = rows if selection is None else rows[selection.among(rows)]
        yield from map(Wanted, snapshot.gallery.ids(chosen))


def best(snapshot: Snapshot, question: Question, where: Filter | None = None) -> Iterator[Wanted]:
    """The nearest first, page by page."""
    cursor = None
    while True:
        page = search(snapshot, question, limit=MAX_LIMIT, cursor=cursor, where=where)
        for hit in page.hits:
            yield Wanted(hit.id, hit.score)
        cursor, question = page.next_cursor, page.query
        if cursor is None:
            return


def export_folder(snapshot: Snapshot, wanted: Iterable[Wanted], out: Path, failed: Listener) -> int:
    """How many were written."""
    claim_empty(out)
    number = 0
    for number, original in enumerate(_originals(snapshot, wanted, failed), start=1):
        stem = f"{number:06d}-{_harmless(original.item.path)}"
        for suffix, data in ((original.suffix, original.data), (".json", original.sidecar)):
            with whole(out / f"{stem}{suffix}") as stream:
                stream.write(data)
    sync(out)
    return number


def export_shards(
    snapshot: Snapshot,
    wanted: Iterable[Wanted],
    out: Path,
    failed: Listener,
    full: Full | None = None,
) -> int:
    """How many samples were written."""
    claim_empty(out)
    written = 0
    originals = _originals(snapshot, wanted, failed)
    for number in count():
        first = next(originals, None)
        if first is None:
            break
        with whole(out / f"{number:05d}.tar") as stream:
            written += fill_shard(
                stream, map(_files, chain([first], originals)), written, full or Full()
            )
            make_durable(stream)
    sync(out)
    return written


def _originals(
    snapshot: Snapshot, wanted: Iterable[Wanted], failed: Listener
) -> Iterator[Original]:
    for each in wanted:
        item = snapshot.item(each.id)
        try:
            yield Original(item, each.score, snapshot.original(each.id))
        except GoneError as error:
            first = item.occurrences[0]
            failed(Failure(first.source, first.path, str(error)))


def _files(original: Original) -> Iterator[tuple[str, bytes]]:
    yield original.suffix, original.data
    if original.item.caption is not None:
        yield ".txt", original.item.caption.encode()
    yield ".json", original.sidecar


def _harmless(path: str) -> str:
    stem = PurePosixPath(_file_path(path)).stem
    return HARMLESS.sub("_", stem)[:STEM].strip("_") or "picture"


def _file_path(path: str) -> str:
    """Of an address without what is asked of it."""
    return path.partition("?")[0] if "://" in path else path
