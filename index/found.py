"""A named root, and a picture file found under one.

A root's name, not its place, is what a collection remembers, so that a moved or mounted folder can
be re-pointed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from index.items import Failure, Metadata
from models.errors import ImageError, ImageTooLargeError, InputError

Listener = Callable[[Failure], None]


@dataclass(frozen=True)
class Root:
    name: str
    path: Path


@dataclass(frozen=True)
class FoundImage:
    source: str
    path: str  # posix, relative to the root
    file: Path
    caption: str | None
    metadata: Metadata

    def read(self, max_bytes: int) -> bytes:
        """The picture's file; raises ImageError where it cannot be read, or is larger."""
        return read_file(self.file, max_bytes)


def read_file(file: Path, max_bytes: int) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(max_bytes + 1)
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from error
    if len(data) > max_bytes:
        raise ImageTooLargeError(f"over {max_bytes} bytes")
    return data


def stop_at(failure: Failure) -> NoReturn:
    """The listener of a walk that nobody listens to."""
    raise InputError(f"{failure.source}: {failure.path}: {failure.reason}")


def is_utf8(path: str) -> bool:
    """Whether a path can be written down: the file system's bytes need not be text."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
