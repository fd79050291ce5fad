"""What a collection knows of a picture, and of the files that it could not take.

An item is one picture by content: its id is the first 32 hex digits of the SHA-256 of its bytes. An
occurrence is where it was found; a renamed or repeated file is one item with more occurrences.
"""

import hashlib
from dataclasses import dataclass

ID_HEX = 32
UPLOADS = "@uploads"  # the source of what was sent while a collection is served

Scalar = str | int | float | bool
Fact = Scalar | list[Scalar]  # of a list each value is one, as of tags
Metadata = dict[str, Fact]


@dataclass(frozen=True)
class Occurrence:
    source: str
    path: str  # posix, relative to the source's root
    caption: str | None
    metadata: Metadata


WHOLE = "."  # a failure's path


@dataclass(frozen=True)
class Failure:
    """A file or folder that could not be taken, and why, in one plain line.

    A path that ends in / is of all that lies below it, and WHOLE of all of its source: nobody has
    seen what is there, so that what was known of it stays."""

    source: str
    path: str
    reason: str


@dataclass(frozen=True)
class Item:
    """Width and height are the upright picture's; occurrences are in order of (source, path)."""

    id: str
    bytes: int
    width: int
    height: int
    format: str
    taken_at: str | None = None  # ISO 8601, with an offset where the camera wrote one
    latitude: float | None = None
    longitude: float | None = None
    camera: str | None = None
    content: str | None = None  # what the id would be of its bytes, where it is not made of them
    occurrences: tuple[Occurrence, ...] = ()

    @property
    def path(self) -> str:
        return self.occurrences[0].path

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(occurrence.path for occurrence in self.occurrences)

    @property
    def caption(self) -> str | None:
        captions = (occurrence.caption for occurrence in self.occurrences)
        return next((caption for caption in captions if caption is not None), None)

    @property
    def metadata(self) -> Metadata:
        """What EXIF says, then what stands beside the files; the first occurrence has the last
        word."""
        merged: Metadata = {}
        for name in ("taken_at", "latitude", "longitude", "camera"):
            value = getattr(self, name)
            if value is not None:
                merged[name] = value
        for occurrence in reversed(self.occurrences):
            merged.update(occurrence.metadata)
        return merged


def item_id(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:ID_HEX]


def upload_path(item: str) -> str:
    """Where the bytes of what was sent are, in the collection's folder of uploads."""
    return f"{item[:2]}/{item}"
