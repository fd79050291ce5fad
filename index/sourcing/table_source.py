"""Pictures that a table lists: their paths, or their addresses on the web.

A column names the pictures and another one captions; which, is told by their names unless it is
said. All other columns of single values are metadata, each in its type: what is missing, not a
number or endless is left out, and a time is text in ISO 8601. A path is relative to the table's
folder and stays inside it; an address is fetched, some way ahead of its reader, and has no stamp.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from datetime import time as time_of_day
from decimal import Decimal
from pathlib import Path

from index.found import Clock, FoundImage, Listener, Root, is_utf8, stop_at
from index.items import Scalar
from index.sourcing.addresses import parse_location
from index.sourcing.delimited import column_types
from index.sourcing.fetching import Fetcher
from index.sourcing.files import File
from index.sourcing.lines import failure_of
from index.sourcing.pictures import FolderPictures, NoPictureError, Pictures
from index.sourcing.prefetching import Prefetcher
from index.sourcing.sidecars import Sidecar, SidecarError, described
from index.sourcing.tables import DELIMITERS, Entry, column_names, read_rows
from models.errors import ImageError, InputError

# in this order, in upper or lower case
PICTURES = (
    "url",
    "image_url",
    "image",
    "image_path",
    "path",
    "file",
    "filepath",
    "file_name",
    "filename",
    "key",
)
CAPTIONS = ("caption", "text", "title")


@dataclass(frozen=True)
class TableColumns:
    """None where their names tell."""

    picture: str | None = None
    caption: str | None = None


class _RowError(InputError):
    """Why a row names no picture."""


@dataclass(frozen=True)
class TableSource:
    """The root is the table's folder."""

    root: Root
    table: Path
    columns: TableColumns = TableColumns()
    fetcher: Fetcher = field(default_factory=Fetcher)
    clock: Clock = time.time

    @property
    def name(self) -> str:
        return self.root.name

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        table = Table(self.name, self.table, self.columns, self.fetcher)
        return TableWalk(table, FolderPictures(self.root.path, self.clock), failed).images()


@dataclass(frozen=True)
class Table:
    """A table of the source of this name, on disk or not."""

    source: str
    file: File
    columns: TableColumns
    fetcher: Fetcher


class TableWalk:
    def __init__(self, table: Table, pictures: Pictures, failed: Listener) -> None:
        self._table = table
        self._pictures = pictures
        self._failed = failed
        self._picture, self._caption = found_columns(table.file, table.columns)
        self._types = _types(table.file)

    def images(self) -> Iterator[FoundImage]:
        with closing(Prefetcher(self._table.fetcher)) as prefetcher:
            for where, entry in read_rows(self._table.file, None, self._refuse):
                try:
                    found = self._image(where, entry, prefetcher)
                except _RowError as error:
                    self._refuse(where, str(error))
                else:
                    yield found

    def _image(self, where: str, entry: Entry, prefetcher: Prefetcher) -> FoundImage:
        place = entry.get(self._picture)
        if not isinstance(place, str) or not place.strip() or not is_utf8(place):
            raise _RowError(f"{self._picture!r} names no picture")
        said = self._said(where, entry)
        if "://" in place:
            return self._on_the_web(place.strip(), said, prefetcher)
        return self._in_the_folder(place, said)

    def _on_the_web(self, url: str, said: Sidecar, prefetcher: Prefetcher) -> FoundImage:
        try:
            parse_location(url)
        except ImageError as error:
            raise _RowError(str(error)) from error
        content = prefetcher.content(url)
        return FoundImage(self._table.source, url, said.caption, said.metadata, content)

    def _in_the_folder(self, place: str, said: Sidecar) -> FoundImage:
        try:
            picture = self._pictures.at(place)
        except NoPictureError as error:
            raise _RowError(f"{place[:200]!a}: {error}") from error
        return FoundImage(
            source=self._table.source,
            path=picture.path,
            caption=said.caption,
            metadata=said.metadata,
            content=picture.content,
            stamp=picture.stamp,
        )

    def _said(self, where: str, entry: Entry) -> Sidecar:
        apart = (self._picture, self._caption)
        values = {
            name: _typed(self._types[name], value) if name in self._types else single(value)
            for name, value in entry.items()
            if name not in apart
        }
        try:
            return described(entry.get(self._caption or ""), without_missing(values))
        except SidecarError as error:
            self._refuse(where, f"caption and metadata: {error}")
            return Sidecar()

    def _refuse(self, where: str, reason: str) -> None:
        self._failed(failure_of(self._table.source, self._table.file, where, reason))


def found_columns(table: File, columns: TableColumns) -> tuple[str, str | None]:
    """Which name pictures and captions; raises InputError where none names pictures."""
    names = column_names(table)
    for named in (columns.picture, columns.caption):
        if named is not None and named not in names:
            raise InputError(f"{table}: has no column {named!r}: it has {', '.join(names)}")
    picture = columns.picture or first_of(PICTURES, names)
    if picture is None:
        raise InputError(
            f"{table}: no column names its pictures: expected one of {', '.join(PICTURES)}, "
            f"got {', '.join(names) or 'none'}"
        )
    return picture, columns.caption or first_of(CAPTIONS, names)


def first_of(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    """In any case of letters."""
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in wanted if name in by_lower), None)


def single(value: object) -> object:
    """A table's value as a catalogue has it."""
    if isinstance(value, date | time_of_day):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value


def without_missing(values: Mapping[str, object]) -> dict[str, object]:
    """A number that is none is how most programs write that a value is missing."""
    return {
        name: value
        for name, value in values.items()
        if value is not None and not (isinstance(value, float) and not math.isfinite(value))
    }


def _types(table: File) -> Mapping[str, Callable[[str], Scalar]]:
    delimiter = DELIMITERS.get(table.suffix.lower())
    return {} if delimiter is None else column_types(table, delimiter)


def _typed(kind: Callable[[str], Scalar], cell: str) -> Scalar:
    try:
        return kind(cell)
    except ValueError:
        return cell  # the table has been changed since its columns were looked through
