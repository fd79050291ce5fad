"""Pictures that belong together: those of one page, of one folder, or of one page of an archive.

A source's `groups()` gives groups one after the other, each with its pictures as a stream that is
opened as far as it is taken, so that memory holds one group. What a group is, pictures that follow
one another tell: the rows of a page stand together. A picture that cannot be used is dropped and
counted in the source's `dropped`, by its reason; tables and archives that are damaged raise
InputError, naming the place.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

from index.items import item_id
from index.sourcing.archive import Span
from models.decode import DecodeLimits, open_header
from models.errors import ImageError, ImageTooLargeError, InputError
from training.triplets.instructions import Described

UNREADABLE = "cannot be read"
TOO_LARGE = "over the limit of bytes or pixels"
NOT_A_PICTURE = "not a picture"


@dataclass(frozen=True)
class GroupPicture:
    """Width and height are those of the file, before EXIF turns it."""

    id: str  # by content
    group: str
    place: Span
    alt: str
    caption: str
    title: str
    tags: tuple[str, ...]
    width: int
    height: int

    @property
    def described(self) -> Described:
        return Described(self.alt, self.caption, self.title, self.tags, self.id)

    @property
    def file(self) -> Path:
        """That it is in, be it as a member of an archive."""
        return self.place.file

    def read(self) -> bytes:
        """The picture's file; raises InputError where another picture is there by now."""
        data = self.place.read()
        if item_id(data) != self.id:
            raise InputError(f"{self.file}: is not the picture any more that was read before")
        return data


@dataclass(frozen=True)
class Row:
    """A picture that is not opened yet."""

    group: str
    place: Span
    said: Described


@dataclass(frozen=True)
class Group:
    """To be taken, as far as it is wanted, before the next group is asked for."""

    name: str
    rows: Iterator[Row]
    limits: DecodeLimits
    dropped: Counter[str]

    def pictures(self) -> Iterator[GroupPicture]:
        for row in self.rows:
            try:
                picture = _opened(row, self.limits)
            except ImageTooLargeError:
                self.dropped[TOO_LARGE] += 1
            except ImageError:
                self.dropped[NOT_A_PICTURE] += 1
            except InputError:
                self.dropped[UNREADABLE] += 1
            else:
                yield picture

    def skip(self) -> int:
        """Leave out the rest, unopened; how many that is."""
        return sum(1 for _ in self.rows)


class GroupSource(Protocol):
    @property
    def dropped(self) -> Counter[str]:
        """How many pictures were dropped so far, by reason."""
        ...

    def groups(self) -> Iterator[Group]: ...


def grouped(rows: Iterable[Row], limits: DecodeLimits, dropped: Counter[str]) -> Iterator[Group]:
    """Rows of one group that follow one another, as that group."""
    for name, of_group in groupby(rows, key=lambda row: row.group):
        yield Group(name, of_group, limits, dropped)


def _opened(row: Row, limits: DecodeLimits) -> GroupPicture:
    if row.place.size > limits.max_bytes:
        raise ImageTooLargeError(f"over {limits.max_bytes} bytes")
    data = row.place.read()
    width, height = open_header(data, limits).size
    said = row.said
    return GroupPicture(
        id=item_id(data),
        group=row.group,
        place=row.place,
        alt=said.alt,
        caption=said.caption,
        title=said.title,
        tags=said.tags,
        width=width,
        height=height,
    )
