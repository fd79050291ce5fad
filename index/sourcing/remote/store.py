"""Other file systems, as fsspec has them: what is in them, and the bytes of their files.

The one file that imports fsspec. A store raises errors of its own kinds; here they become OSError,
ImageError where a picture is read, and InputError for an address that cannot be opened, naming the
extra to install where fsspec or the store's own package is missing.
"""

import errno
import importlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import IO, Any, Literal, cast

from index.found import SETTLED_S, Clock
from models.errors import ImageError, ImageTooLargeError, InputError

Facts = Mapping[str, Any]  # what a store lists of a file
Listing = Mapping[str, Facts]  # what is in a folder, by its place

MARKS = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "generation", "version_id")
TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")
BLOCK = 1024 * 1024  # bytes of one request, where a file is read through


@dataclass(frozen=True)
class RemoteContent:
    files: Any  # an fsspec file system
    place: str
    size: int | None

    def read(self, max_bytes: int) -> bytes:
        if self.size is not None and self.size > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
        if self.size == 0:
            return b""  # of which there is no range
        data = _picture_bytes(self.files, self.place, 0, max_bytes + 1)
        if len(data) > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
        return data


@dataclass(frozen=True)
class RangeContent:
    """Of a file's bytes so many, from `start` on."""

    files: Any  # an fsspec file system
    place: str
    start: int
    size: int

    def read(self, max_bytes: int) -> bytes:
        if self.size > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
        if not self.size:
            return b""
        data = _picture_bytes(self.files, self.place, self.start, self.start + self.size)
        if len(data) != self.size:
            raise ImageError(f"{len(data)} bytes came of {self.size}")
        return data


@dataclass(frozen=True)
class RemoteFile:
    """As a Path is: what is asked of it opens it, and it is read by ranges, a request each."""

    files: Any  # an fsspec file system
    place: str
    size: int | None = None  # asked of the store where None

    def __str__(self) -> str:
        return self.place

    @property
    def name(self) -> str:
        return PurePosixPath(self.place).name

    @property
    def stem(self) -> str:
        return PurePosixPath(self.place).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.place).suffix

    @property
    def parent(self) -> str:
        return self.place.rpartition("/")[0]

    def open(self, mode: Literal["rb"], buffering: int = -1) -> IO[bytes]:
        ranges = _Ranges(self.files, self.place, self._size())
        if buffering == 0:
            return cast("IO[bytes]", ranges)
        return io.BufferedReader(ranges, BLOCK if buffering < 0 else buffering)

    def _size(self) -> int:
        size = self.size if self.size is not None else facts_of(self.files, self.place).get("size")
        if size is None:
            raise OSError(errno.EIO, "its store does not tell its size")
        return size


class _Ranges(io.RawIOBase):
    def __init__(self, files: Any, place: str, size: int) -> None:  # noqa: ANN401
        self._files = files
        self._place = place
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        try:
            data = self._files.cat_file(self._place, start=self._at, end=end)
            buffer[: len(data)] = data
        except Exception as error:
            raise as_os_error(error) from error
        self._at += len(data)
        return len(data)


def connected(address: str) -> tuple[Any, str]:
    """An fsspec file system, and the place in it that the address names."""
    fsspec = _fsspec()
    try:
        # what it lists is remembered here, where that is of use, and not all of it there
        files, place = fsspec.core.url_to_fs(address, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise InputError(
            f"{address}: cannot be opened: {one_line(error)}; for a bucket, install Pictor with "
            "its extra, pip install '.[cloud]'"
        ) from error
    except Exception as error:
        raise InputError(f"{address}: cannot be opened: {one_line(error)}") from error
    place = place.rstrip("/")
    if not place:
        raise InputError(f"{address}: names nothing there")
    return files, place


def is_folder(files: Any, place: str) -> bool:  # noqa: ANN401
    try:
        return bool(files.isdir(place))
    except Exception as error:
        raise as_os_error(error) from error


def listed(files: Any, folder: str) -> dict[str, Facts]:  # noqa: ANN401
    """What is in a folder, by its place, in order; a folder's place ends in /, since a bucket may
    have a file of its name."""
    try:
        entries = files.ls(folder, detail=True)
    except Exception as error:
        raise as_os_error(error) from error
    places = {
        entry["name"].rstrip("/") + "/" * (entry["type"] == "directory"): entry for entry in entries
    }
    # a bucket may list a folder as one of its own files
    return {place: places[place] for place in sorted(places) if place.rstrip("/") != folder}


def facts_of(files: Any, place: str) -> Facts:  # noqa: ANN401
    try:
        facts: Facts = files.info(place)
    except Exception as error:
        raise as_os_error(error) from error
    return facts


def remote_stamp(facts: Facts, clock: Clock) -> str | None:
    mark = next((str(facts[name]) for name in MARKS if facts.get(name)), None)
    if mark is None:
        written = next((facts[name] for name in TIMES if facts.get(name)), None)
        seconds = _seconds(written)
        if seconds is None or clock() - seconds < SETTLED_S:
            return None
        mark = str(seconds)
    return f"{facts.get('size')}-{mark}"


def _seconds(written: object) -> float | None:
    """Since the epoch; a time without a zone is UTC's."""
    if isinstance(written, str):
        try:
            written = datetime.fromisoformat(written)
        except ValueError:
            return None
    if isinstance(written, datetime):
        aware = written if written.tzinfo else written.replace(tzinfo=UTC)
        return aware.timestamp()
    return float(written) if isinstance(written, int | float) else None


def as_os_error(error: Exception) -> OSError:
    """One whose strerror says in a line what is the matter."""
    if isinstance(error, FileNotFoundError):
        return not_there()
    return OSError(errno.EIO, one_line(error))


def not_there() -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _picture_bytes(files: Any, place: str, start: int, end: int) -> bytes:  # noqa: ANN401
    try:
        data: bytes = files.cat_file(place, start=start, end=end)
    except Exception as error:
        raise ImageError(f"cannot be read: {one_line(error)}") from error
    return data


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _fsspec() -> Any:  # noqa: ANN401
    try:
        return importlib.import_module("fsspec")
    except ImportError as error:
        raise InputError(
            "other file systems need fsspec: install Pictor with its extra, pip install '.[cloud]'"
        ) from error
