"""What a plain tar holds, at a tenth of the cost of reading it with all that a tar may have.

quick_members(archive) -> the name and the place of each of its files, of headers that say all of it
themselves, with at most extended times beside them. Raises DialectError for any other tar: whoever
gets it reads with `archive.plain_members`. Nothing is checked; what is read there must be.
"""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from index.sourcing.archive import MAX_HEADER_BYTES
from models.errors import InputError

FILES, FOLDER, EXTENSION = (tarfile.REGTYPE, tarfile.AREGTYPE), tarfile.DIRTYPE, tarfile.XHDTYPE
ELSEWHERE = (b" path=", b" size=", b" GNU.sparse")  # what an extension says in the header's place
POSIX = b"ustar\0"


class DialectError(InputError):
    """A tar that has to be read with more care."""


def quick_members(archive: Path) -> Iterator[tuple[str, int, int]]:
    """Name, start and size."""
    try:
        with archive.open("rb", buffering=0) as stream:
            at = 0
            while len(header := stream.read(tarfile.BLOCKSIZE)) == tarfile.BLOCKSIZE and header[0]:
                at += tarfile.BLOCKSIZE
                size = int(header[124:136].strip(b" \0") or b"0", 8)
                kind = header[156:157]
                if kind in FILES:
                    yield _name(header), at, size
                elif kind == EXTENSION and size <= MAX_HEADER_BYTES:
                    _refuse_elsewhere(archive, stream.read(size) or b"")
                elif kind != FOLDER:
                    raise DialectError(f"{archive}: has members of type {kind!r}")
                if size < 0:
                    raise DialectError(f"{archive}: has a size of {size}")
                at += -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
                stream.seek(at)
            if not 0 <= stream.seek(0, os.SEEK_END) - at <= tarfile.RECORDSIZE:
                raise DialectError(f"{archive}: is cut off, or goes on behind its end")
    except (OSError, ValueError, OverflowError) as error:
        raise DialectError(f"{archive}: {error}") from error


def _name(header: bytes) -> str:
    name = header[:100].split(b"\0", 1)[0]
    prefix = header[345:500].split(b"\0", 1)[0] if header[257:263] == POSIX else b""
    return (prefix + b"/" + name if prefix else name).decode()


def _refuse_elsewhere(archive: Path, extension: bytes) -> None:
    if any(key in extension for key in ELSEWHERE):
        raise DialectError(f"{archive}: has members with extended headers")
