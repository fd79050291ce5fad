"""An archive of samples, as WebDataset has them.

It is a tar in which files that share their name up to the first dot stand together and are one
sample; the suffix, what follows the dot, tells a sample's files apart.

samples(archive) -> its samples in order, each with the places of its files rather than their bytes,
so that nothing is unpacked and a reader may skip. Read are uncompressed tars of plain files and
folders. What cannot be taken is told to `refused`, by the member's name, and the rest is read on:
a link, a device, a sparse file, a file over `max_bytes`, a name that is not UTF-8, or is there
twice in its sample; after a damaged header the next sound one is looked for, and "" or the last
member's name stands for the archive. Without `refused`, the first of these raises InputError.
Format: https://github.com/webdataset/webdataset, `tariterators.py`.
"""

import io
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

from index.found import is_utf8
from models.decode import DecodeLimits
from models.errors import ImageError, ImageTooLargeError, InputError

Refused = Callable[[str, str], None]  # a member's name, or "", and the reason

MAX_HEADER_BYTES = 1024 * 1024  # of a header's extensions, where long names are
MAX_BYTES = DecodeLimits().max_bytes
MAX_DAMAGES = 100  # after which the rest of an archive is not searched
NAME = re.compile(r"(?P<key>(?:.*/)?[^./]+)\.(?P<suffix>[^/]+)", re.DOTALL)

# what damaged headers lead to in tarfile
DAMAGE = (OSError, tarfile.TarError, ValueError, LookupError, ArithmeticError, RecursionError)


@dataclass(frozen=True)
class Span:
    """Bytes within a file."""

    file: Path
    start: int
    size: int

    def read(self) -> bytes:
        """Raises InputError where the file does not have them all."""
        try:
            with self.file.open("rb") as opened:
                opened.seek(self.start)
                data = opened.read(self.size)
        except OSError as error:
            raise InputError(f"{self.file}: cannot be read: {error.strerror}") from error
        if len(data) != self.size:
            raise InputError(
                f"{self.file}: expected {self.size} bytes at {self.start}, got {len(data)}"
            )
        return data


@dataclass(frozen=True)
class Member(Span):
    name: str


@dataclass(frozen=True)
class SpanContent:
    span: Span

    def read(self, max_bytes: int) -> bytes:
        """Raises ImageError where the archive does not have them all, or has more than that."""
        if self.span.size > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
        try:
            return self.span.read()
        except InputError as error:
            raise ImageError(str(error)) from error


@dataclass(frozen=True)
class Sample:
    archive: Path
    key: str
    spans: Mapping[str, Member]  # by suffix, in lower case, in the order of the archive

    def __str__(self) -> str:
        return f"{self.archive}, sample {self.key!r}"


class _Headers:
    """An archive of which only headers are read: one that claims to be longer than any is refused,
    not allocated."""

    def __init__(self, stream: BinaryIO) -> None:
        self.seek, self.tell = stream.seek, stream.tell
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._stream.read(size)


def samples(
    archive: Path, max_bytes: int = MAX_BYTES, refused: Refused | None = None
) -> Iterator[Sample]:
    """A file whose name has no dot belongs to no sample, as in WebDataset."""
    refused = refused or _raiser(archive)
    return grouped(archive, plain_members(archive, max_bytes, refused), refused)


def grouped(archive: Path, members: Iterable[Member], refused: Refused) -> Iterator[Sample]:
    """Members in the order of their archive, by sample."""
    key, spans = "", dict[str, Member]()
    for member in members:
        found = NAME.fullmatch(member.name)
        if found is None:
            continue
        if found["key"] != key:
            if spans:
                yield Sample(archive, key, spans)
            key, spans = found["key"], {}
        suffix = found["suffix"].lower()
        if suffix in spans:
            refused(member.name, f"{suffix!r} is there twice in sample {key!r}")
            continue
        spans[suffix] = member
    if spans:
        yield Sample(archive, key, spans)


def plain_members(
    archive: Path, max_bytes: int = MAX_BYTES, refused: Refused | None = None
) -> Iterator[Member]:
    """The files of the archive, in its order."""
    refused = refused or _raiser(archive)
    try:
        # unbuffered: between two headers lies what is not read
        stream = archive.open("rb", buffering=0)
    except OSError as error:
        refused("", f"cannot be read as a tar: {error.strerror}")
        return
    with stream:
        yield from stream_members(archive, cast(BinaryIO, stream), max_bytes, refused)


def stream_members(
    archive: Path, stream: BinaryIO, max_bytes: int, refused: Refused
) -> Iterator[Member]:
    """Of an archive that is open already, and may be read between two members; `archive` is what
    they call it."""
    headers = _Headers(stream)
    try:
        opened = tarfile.open(  # noqa: SIM115
            fileobj=cast(BinaryIO, headers), mode="r:", encoding="utf-8", errors="surrogateescape"
        )
    except DAMAGE as error:
        refused("", f"cannot be read as a tar: {error}")
        return
    yield from _Walk(archive, headers, opened, max_bytes).members(refused)


class _Walk:
    def __init__(
        self, archive: Path, stream: _Headers, opened: tarfile.TarFile, max_bytes: int
    ) -> None:
        self._archive = archive
        self._stream = stream
        self._opened = opened
        self._max_bytes = max_bytes
        self._length = stream.seek(0, io.SEEK_END)
        self._damage = "a damaged header"
        self._damages = 0
        # zeros between members are passed over, and so are headers that are none
        opened.ignore_zeros = True

    def members(self, refused: Refused) -> Iterator[Member]:
        last, end = "", 0
        while (member := self._next()) is not None:
            if not self._is_zero(end, member.offset):
                refused("", f"cannot be read as a tar {_behind(last)}: {self._damage}")
            last = member.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            reason = self._reason_against(member)
            if reason:
                refused(last, reason)
            elif not member.isdir():
                yield Member(self._archive, member.offset_data, member.size, member.name)
            end = self._opened.offset
            if reason and end > self._length:
                refused("", f"is cut off in {last!a}")
                return
        if self._length - end < tarfile.BLOCKSIZE or not self._is_zero(end, self._length):
            refused("", f"cannot be read as a tar {_behind(last)}, or is cut off")

    def _next(self) -> tarfile.TarInfo | None:
        opened = self._opened
        while self._damages < MAX_DAMAGES:
            opened.members = []  # type: ignore[attr-defined]  # or it would remember them all
            before = opened.offset
            try:
                member = opened.next()
            except DAMAGE as error:
                self._damage = str(error)
                self._damages += 1
                opened.offset = max(before, opened.offset) + tarfile.BLOCKSIZE
                continue
            if member is not None:
                # a size below zero would turn the reader back
                opened.offset = max(opened.offset, member.offset_data)
            return member
        return None

    def _reason_against(self, member: tarfile.TarInfo) -> str | None:
        if not (member.isreg() or member.isdir()) or member.issparse():
            return f"expected plain files, got type {member.type!r}"
        if not is_utf8(member.name):
            return "its name is not UTF-8"
        left = self._length - member.offset_data
        if not 0 <= member.size <= min(self._max_bytes, left):
            most = f"at most {self._max_bytes}" if left >= self._max_bytes else f"the {left} left"
            return f"has {member.size} bytes, expected {most}"
        return None

    def _is_zero(self, start: int, end: int) -> bool:
        if start < end:
            self._stream.seek(start)
        while start < end:
            block = self._stream.read(min(MAX_HEADER_BYTES, end - start))
            if not block or block.strip(b"\0"):
                return False
            start += len(block)
        return True


def _behind(member: str) -> str:
    return f"behind {member!a}" if member else "at its start"


def _raiser(archive: Path) -> Callable[[str, str], NoReturn]:
    def stop(name: str, reason: str) -> NoReturn:
        where = f"{archive}, member {name!r}" if name else f"{archive}"
        raise InputError(f"{where}: {reason}")

    return stop
