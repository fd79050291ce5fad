"""An archive of samples, as WebDataset has them.

It is a tar in which files that share their name up to the first dot stand together and are one
sample; the suffix, what follows the dot, tells a sample's files apart.

samples(archive) -> its samples in order, each with the places of its files rather than their bytes,
so that nothing is unpacked and a reader may skip. Read are uncompressed tars of plain files and
folders. Raises InputError, naming archive and member, for a link, a device, a sparse file, a file
over `max_bytes`, a name that is not UTF-8 or is there twice, and a tar that is cut off or damaged.
Format: https://github.com/webdataset/webdataset, `tariterators.py`.
"""

import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.decode import DecodeLimits
from models.errors import InputError

MAX_HEADER_BYTES = 1024 * 1024  # of a header's extensions, where long names are
MAX_BYTES = DecodeLimits().max_bytes
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
class Sample:
    archive: Path
    key: str
    spans: Mapping[str, Span]  # by suffix, in lower case, in the order of the archive

    def __str__(self) -> str:
        return f"{self.archive}, sample {self.key!r}"


class _Headers(io.FileIO):
    """An archive of which only headers are read: one that claims to be longer than any is refused,
    not allocated."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return super().read(size) or b""


def samples(archive: Path, max_bytes: int = MAX_BYTES) -> Iterator[Sample]:
    """A file whose name has no dot belongs to no sample, as in WebDataset."""
    key, spans = "", dict[str, Span]()
    for name, span in _plain_files(archive, max_bytes):
        found = NAME.fullmatch(name)
        if found is None:
            continue
        if found["key"] != key:
            if spans:
                yield Sample(archive, key, spans)
            key, spans = found["key"], {}
        suffix = found["suffix"].lower()
        if suffix in spans:
            raise InputError(f"{archive}, sample {key!r}: {suffix!r} is there twice")
        spans[suffix] = span
    if spans:
        yield Sample(archive, key, spans)


def _plain_files(archive: Path, max_bytes: int) -> Iterator[tuple[str, Span]]:
    last = ""
    try:
        with (
            _Headers(archive) as stream,
            tarfile.open(fileobj=stream, mode="r:", encoding="utf-8", errors="strict") as opened,
        ):
            length = stream.seek(0, io.SEEK_END)
            while (member := opened.next()) is not None:
                opened.members = []  # type: ignore[attr-defined]  # or it would remember them all
                last = f", member {member.name!r}"
                span = Span(archive, member.offset_data, member.size)
                _check(f"{archive}{last}", member, min(max_bytes, length - span.start))
                if not member.isdir():
                    yield member.name, span
            _check_end(stream, opened.offset)
    except DAMAGE as error:
        where = f"{archive}{last}" if last else f"{archive}"
        raise InputError(f"{where}: cannot be read as a tar, or is cut off: {error}") from error


def _check(where: str, member: tarfile.TarInfo, max_bytes: int) -> None:
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise InputError(f"{where}: expected plain files, got type {member.type!r}")
    if not 0 <= member.size <= max_bytes:
        raise InputError(f"{where}: has {member.size} bytes, expected at most {max_bytes}")


def _check_end(stream: io.FileIO, offset: int) -> None:
    """tarfile takes a damaged header for the end, and so the end of a file that is cut off."""
    stream.seek(offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("no end of the archive after it")
