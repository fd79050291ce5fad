"""Where groups of pictures come from.

group_sources(inputs, data) -> a source for each of these:

- A table of pages, JSON lines or Parquet: a row a picture, a file below the table's folder.
- A folder, with all below it: each folder a group, captions from the files beside the pictures.
- Archives in WebDataset's form: KEY.jpg, or another picture, with KEY.json of a table's columns.
  The group is its `page`, or else the folder that the key is in.

Raises InputError for a folder without archives, and for a text that is of another type.
"""

import json
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from index.found import FoundImage
from index.items import Failure
from index.sources import FolderSource, parse_root
from index.sourcing.archive import Sample, Span, samples
from index.sourcing.sidecars import MAX_BYTES as MAX_JSON_BYTES
from index.sourcing.sidecars import MAX_CAPTION
from index.sourcing.tables import read_rows
from models.decode import EXTENSIONS, DecodeLimits
from models.errors import InputError
from training.config import Section
from training.triplets.groups import Group, GroupSource, Row, grouped
from training.triplets.instructions import Described

NO_GROUP = "names no group"
NO_PICTURE = "names no picture"
NOT_LOCAL = "not a local file"
LEADS_OUT = "leads out of the table's folder"
NOT_THERE = "no such file"

Entry = Mapping[str, Any]


class _Dropped(Exception):
    """Why a picture is."""


class PageTable(Section):
    """A table, and the names of its columns."""

    table: Path
    page: str = "page"  # the page's address, or whatever else names the group
    image: str = "image"  # a path, relative to the table's folder
    alt: str = "alt"
    caption: str = "caption"
    title: str = "title"
    tags: str = "tags"  # a list, or a text with commas between them


class GroupInputs(Section):
    """Paths are relative to the run's data."""

    pages: tuple[PageTable, ...] = ()
    folders: tuple[Path, ...] = ()
    shards: tuple[Path, ...] = ()  # archives, or folders of them


COLUMNS = PageTable(table=Path())  # where nobody names them otherwise


@dataclass
class PageGroups:
    pages: PageTable
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    dropped: Counter[str] = field(default_factory=Counter)

    def groups(self) -> Iterator[Group]:
        return grouped(self._rows(), self.limits, self.dropped)

    def _rows(self) -> Iterator[Row]:
        names = self.pages
        columns = (names.page, names.image, names.alt, names.caption, names.title, names.tags)
        folder = Path(os.path.realpath(names.table.parent))
        for where, entry in read_rows(names.table, columns):
            page, image = _text(where, entry, names.page), _text(where, entry, names.image)
            try:
                if not page:
                    raise _Dropped(NO_GROUP)
                yield Row(page, _below(folder, image), _described(where, entry, names))
            except _Dropped as reason:
                self.dropped[str(reason)] += 1


@dataclass
class FolderGroups:
    folder: Path
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    dropped: Counter[str] = field(default_factory=Counter)

    def groups(self) -> Iterator[Group]:
        source = FolderSource(parse_root(str(self.folder)))
        return grouped(self._rows(source), self.limits, self.dropped)

    def _rows(self, source: FolderSource) -> Iterator[Row]:
        for inside, images in _by_folder(source.walk(self._failed)):
            group = f"{source.name}/{inside}".rstrip("/")
            for image in images:
                texts = {key: of for key, of in image.metadata.items() if isinstance(of, str)}
                file = source.root.path / image.path
                said = _described(str(file), {**texts, "caption": image.caption}, COLUMNS)
                try:
                    yield Row(group, _whole(file), said)
                except _Dropped as reason:
                    self.dropped[str(reason)] += 1

    def _failed(self, failure: Failure) -> None:
        self.dropped[failure.reason.split(":")[0]] += 1


@dataclass
class ShardGroups:
    shards: Sequence[Path]
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    dropped: Counter[str] = field(default_factory=Counter)

    def groups(self) -> Iterator[Group]:
        return grouped(self._rows(), self.limits, self.dropped)

    def _rows(self) -> Iterator[Row]:
        for shard in self.shards:
            for sample in samples(shard, self.limits.max_bytes):
                pictures = [span for name, span in sample.spans.items() if f".{name}" in EXTENSIONS]
                entry = _json(sample)
                group = _text(str(sample), entry, COLUMNS.page) or sample.key.rpartition("/")[0]
                if pictures and group:
                    yield Row(group, pictures[0], _described(str(sample), entry, COLUMNS))
                else:
                    self.dropped[NO_GROUP if pictures else NO_PICTURE] += 1


def group_sources(inputs: GroupInputs, data: Path) -> list[GroupSource]:
    tables = [each.model_copy(update={"table": data / each.table}) for each in inputs.pages]
    return [
        *(PageGroups(table) for table in tables),
        *(FolderGroups(data / folder) for folder in inputs.folders),
        *(ShardGroups(_archives(data / path)) for path in inputs.shards),
    ]


def _archives(path: Path) -> list[Path]:
    archives = sorted(path.glob("*.tar")) if path.is_dir() else [path]
    if not archives:
        raise InputError(f"{path}: has no .tar")
    return archives


def _by_folder(found: Iterable[FoundImage]) -> Iterator[tuple[str, list[FoundImage]]]:
    """The pictures of each folder, which the walk interrupts by the folders inside it."""
    entered: dict[str, list[FoundImage]] = {}
    for image in found:
        inside = image.path.rpartition("/")[0]
        left = [each for each in entered if each and not f"{inside}/".startswith(f"{each}/")]
        yield from ((each, entered.pop(each)) for each in left)
        entered.setdefault(inside, []).append(image)
    yield from entered.items()


def _below(folder: Path, image: str) -> Span:
    if not image:
        raise _Dropped(NO_PICTURE)
    if "://" in image or image.startswith(("//", "data:")) or "\0" in image:
        raise _Dropped(NOT_LOCAL)
    file = Path(os.path.realpath(folder / image))
    if not file.is_relative_to(folder):
        raise _Dropped(LEADS_OUT)
    return _whole(file)


def _whole(file: Path) -> Span:
    try:
        status = file.stat()
    except OSError as error:
        raise _Dropped(NOT_THERE) from error
    if not stat.S_ISREG(status.st_mode):
        raise _Dropped(NOT_THERE)
    return Span(file, 0, status.st_size)


def _json(sample: Sample) -> Entry:
    span = sample.spans.get("json")
    if span is None:
        return {}
    if span.size > MAX_JSON_BYTES:
        raise InputError(f"{sample}: its json is over {MAX_JSON_BYTES} bytes")
    try:
        entry = json.loads(span.read())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{sample}: its json cannot be read: {error}") from error
    if not isinstance(entry, dict):
        raise InputError(f"{sample}: its json: expected an object, got {type(entry).__name__}")
    return entry


def _described(where: str, entry: Entry, names: PageTable) -> Described:
    tags = entry.get(names.tags)
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        tags = ",".join(tags)
    listed = _text(where, {names.tags: tags}, names.tags).split(",")
    return Described(
        alt=_text(where, entry, names.alt),
        caption=_text(where, entry, names.caption),
        title=_text(where, entry, names.title),
        tags=tuple(tag.strip() for tag in listed if tag.strip()),
    )


def _text(where: str, entry: Entry, key: str) -> str:
    """ "" where there is none; half a character, which cannot be written down, becomes "?"."""
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{where}: {key!r} is a {type(value).__name__}, expected a text")
    text = (value or "").encode("utf-8", "replace").decode()
    return text.strip()[:MAX_CAPTION].rstrip()
