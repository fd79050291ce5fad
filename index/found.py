"""A named root, and a picture found in a source, which reads its own bytes.

A root's name, not its place, is what a collection remembers, so that a moved or mounted folder can
be re-pointed.
"""

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

from index.items import Failure, Metadata
from models.errors import ImageError, ImageTooLargeError, InputError

Clock = Callable[[], float]  # seconds since the epoch
Listener = Callable[[Failure], None]

SETTLED_S = 2  # as coarse as the times of a file system are (FAT)


@dataclass(frozen=True)
class Root:
    name: str
    path: Path


class Content(Protocol):
    """Where a picture's bytes are; several threads may read at once."""

    def read(self, max_bytes: int) -> bytes:
        """Raises ImageError where they cannot be read, ImageTooLargeError where there are more."""
        ...


@dataclass(frozen=True)
class FileContent:
    file: Path

    def read(self, max_bytes: int) -> bytes:
        try:
            # without blocking, so that a pipe put in the file's place keeps nobody waiting
            descriptor = os.open(self.file, os.O_RDONLY | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as opened:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise ImageError("not a regular file")
                data = opened.read(max_bytes + 1)
        except OSError as error:
            raise ImageError(f"cannot be read: {error.strerror}") from error
        if len(data) > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
        return data


@dataclass(frozen=True)
class FoundImage:
    source: str
    path: str  # posix, within the source; an address where there are no files
    caption: str | None
    metadata: Metadata
    content: Content
    stamp: str | None = None  # another one once the bytes may be others; None: nobody can tell

    def read(self, max_bytes: int) -> bytes:
        """The picture's bytes; raises ImageError as its content does."""
        return self.content.read(max_bytes)


def file_stamp(status: Callable[[], os.stat_result], clock: Clock = time.time) -> str | None:
    """Of a file by its status: size, time and inode; None where it has only just been written, and
    may be again with no other time, or where it has no status."""
    before = clock()
    try:
        facts = status()
    except OSError:
        return None  # gone since: reading it will say so
    if before - facts.st_mtime < SETTLED_S:
        return None
    return f"{facts.st_size}-{facts.st_mtime_ns}-{facts.st_ino}"


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
