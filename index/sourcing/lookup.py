"""One picture out of an archive, by its path: what an original is served from.

read_member(archive, path, max_bytes) -> its bytes, from a .tar or a .zip. Raises ImageError where
they cannot be read, or are not there. What an archive holds is looked up once and remembered, some
200 bytes a picture, for those that were asked for last and as long as the file is the same.
"""

import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from index.found import Content
from index.sourcing.archive import Span, SpanContent, plain_members
from index.sourcing.members import MemberError, inner_path, is_picture
from index.sourcing.quick_tar import DialectError, quick_members
from index.sourcing.zip_archive import read_directory
from models.errors import ImageError, InputError

TAR, ZIP = ".tar", ".zip"
REMEMBERED = 16  # archives


def is_archive(name: str) -> bool:
    return name.lower().endswith((TAR, ZIP))


def read_member(archive: Path, path: str, max_bytes: int) -> bytes:
    try:
        status = archive.stat()
        written = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        members = _pictures(archive, written)
    except OSError as error:
        raise ImageError(f"{archive}: cannot be read: {error.strerror}") from error
    except InputError as error:
        raise ImageError(f"{archive}: {error}") from error
    if path not in members:
        raise ImageError(f"{archive}: has no {path!r} any more")
    return members[path].read(max_bytes)


@lru_cache(maxsize=REMEMBERED)
def _pictures(archive: Path, written: tuple[int, ...]) -> Mapping[str, Content]:
    """By path; of several with one path the last."""
    if archive.name.lower().endswith(ZIP):
        return _by_path((member.name, member) for member in read_directory(archive))
    try:
        members = quick_members(archive)
        return _by_path((name, SpanContent(Span(archive, *place))) for name, *place in members)
    except DialectError:
        careful = plain_members(archive, sys.maxsize, _pass_over)
        return _by_path((member.name, SpanContent(member)) for member in careful)


def _by_path(members: Iterable[tuple[str, Content]]) -> dict[str, Content]:
    found: dict[str, Content] = {}
    for name, content in members:
        try:
            path = inner_path(name)
        except MemberError:
            continue  # it was told as a failure when it was indexed
        if is_picture(path):
            found[path] = content
    return found


def _pass_over(name: str, reason: str) -> None:
    """It was told as a failure when it was indexed."""
