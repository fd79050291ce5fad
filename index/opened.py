"""An original that is open for reading in parts: from its file, without holding it in memory.

Whoever opens one closes it. A part is of the file as it was when it was opened, or nothing:
GoneError where it was written to meanwhile.

Whether a file has an item's content is found by reading all of it, and remembered as long as size,
times and inode stay the same: `Checked`, some 300 bytes a file, for those that were asked for last.
A file that has only just been written is read again each time.
"""

import hashlib
import os
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from index.found import SETTLED_S
from index.gps.patches import Edit
from index.gps.removal import without_place
from index.items import ID_HEX, Item, item_id
from models.errors import GoneError

REMEMBERED = 65_536  # files
# a folder that may be passed through need not be one that may be listed
DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# without blocking, so that a pipe put in a file's place keeps nobody waiting
FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
CHANGED = "changed since it was indexed"


class Original(Protocol):
    @property
    def size(self) -> int: ...

    def part(self, first: int, count: int) -> bytes:
        """So many bytes, fewer at the end; several threads may ask, one at a time."""
        ...

    def close(self) -> None: ...


class Stamp(NamedTuple):
    """Another one once the bytes may be others."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        times = (status.st_mtime_ns, status.st_ctime_ns)
        return cls(status.st_dev, status.st_ino, status.st_size, *times)


@dataclass(frozen=True)
class InMemory:
    """What came out of an archive."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def part(self, first: int, count: int) -> bytes:
        return self.data[first : first + count]

    def close(self) -> None:
        pass


class OpenFile:
    def __init__(self, descriptor: int, stamp: Stamp) -> None:
        # an object, so that one which is dropped is closed
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self.stamp = stamp
        self._edit = Edit(stamp.size)

    @property
    def size(self) -> int:
        return self._edit.length

    def edited(self, edit: Edit) -> "OpenFile":
        self._edit = edit
        return self

    def part(self, first: int, count: int) -> bytes:
        data = os.pread(self._file.fileno(), count, first)
        if Stamp.of(os.fstat(self._file.fileno())) != self.stamp:
            raise GoneError("the file was written to while it was read")
        return self._edit.over(first, data)

    def digest(self) -> str:
        """As an item's id is made."""
        digest = hashlib.sha256()
        at = 0
        while part := os.pread(self._file.fileno(), 2**20, at):
            digest.update(part)
            at += len(part)
        return digest.hexdigest()[:ID_HEX]

    def close(self) -> None:
        self._file.close()


class Checked:
    """What was found of files that were read whole; shared by many threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._held: OrderedDict[tuple[Stamp, str], str | Edit] = OrderedDict()
        self._lock = threading.Lock()

    def content(self, file: OpenFile) -> str:
        found = self._once(file, "content", file.digest)
        return found if isinstance(found, str) else ""

    def edit(self, file: OpenFile, format: str) -> Edit:  # noqa: A002
        """Leaves out the place; raises WithheldError as index/gps/removal.py does."""
        size = file.stamp.size
        found = self._once(file, format, lambda: without_place(file.part(0, size), format))
        return found if isinstance(found, Edit) else Edit(0)

    def _once(self, file: OpenFile, of: str, find: Callable[[], str | Edit]) -> str | Edit:
        key = (file.stamp, of)
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        found = find()
        if self._clock() - file.stamp.changed_ns / 1e9 >= SETTLED_S:
            with self._lock:
                self._held[key] = found
                while len(self._held) > REMEMBERED:
                    self._held.popitem(last=False)
        return found


def open_inside(root: Path, path: str, size: int | None = None) -> OpenFile:
    """A file in a folder, of which no link is followed; links within the folder lead on. Raises
    OSError, and ValueError for one that leads out, is no file, or has another size."""
    real = Path(os.path.realpath(root))
    file = Path(os.path.realpath(real / path))
    if not file.is_relative_to(real):
        raise ValueError("leads out of its source")
    descriptor = _descend(real, file.relative_to(real).parts)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or size not in (None, status.st_size):
        os.close(descriptor)
        raise ValueError(CHANGED)
    return OpenFile(descriptor, Stamp.of(status))


def _descend(root: Path, parts: tuple[str, ...]) -> int:
    """Folder by folder, so that a link put in one's place meanwhile leads nowhere."""
    at = os.open(root, DIRECTORY)
    for number, part in enumerate(parts, start=1):
        try:
            inner = os.open(part, FILE if number == len(parts) else DIRECTORY, dir_fd=at)
        finally:
            os.close(at)
        at = inner
    return at


def check(file: OpenFile, item: Item, checked: Checked) -> OpenFile:
    """The file, if it has the item's content; it is closed and ValueError raised, if not."""
    try:
        if checked.content(file) != (item.content or item.id):
            raise ValueError(CHANGED)
    except BaseException:
        file.close()
        raise
    return file


def in_memory(data: bytes, item: Item) -> InMemory:
    if item_id(data) != (item.content or item.id):
        raise ValueError(CHANGED)
    return InMemory(data)
