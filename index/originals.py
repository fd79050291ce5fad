"""The bytes of an item, from one of the files that it was found in.

A file is given out only from inside its root, links followed, and only while its content is still
the item's: a file that was changed since is another picture. A root is a folder or an archive, and
a path may lead into an archive in it: `shard.tar/beach.jpg`. What was sent lies in the collection,
by content.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from index.items import UPLOADS, Item, Occurrence, item_id, upload_path
from index.sourcing.lookup import is_archive, read_member
from models.errors import GoneError, ImageError


def read_original(item: Item, roots: Mapping[str, Path]) -> bytes:
    """Raises GoneError, naming what was tried, where no file has the item's bytes any more."""
    reasons = []
    for occurrence in item.occurrences:
        try:
            return _read(item, occurrence, roots)
        except (OSError, ValueError, ImageError) as error:
            reason = getattr(error, "strerror", None) or error
            reasons.append(f"{occurrence.source}/{occurrence.path}: {reason}")
    raise GoneError(f"{item.id}: original cannot be read any more: {'; '.join(reasons)}")


def _read(item: Item, occurrence: Occurrence, roots: Mapping[str, Path]) -> bytes:
    if occurrence.source not in roots:
        raise ValueError("its source is not a folder")
    place = roots[occurrence.source]
    if occurrence.source == UPLOADS:
        data = _read_file(place, upload_path(item.id), item.bytes)
    elif place.is_file():
        data = read_member(place, occurrence.path, item.bytes)
    else:
        data = _read_inside(Path(os.path.realpath(place)), occurrence.path, item.bytes)
    if item_id(data) != (item.content or item.id):
        raise ValueError("changed since it was indexed")
    return data


def _read_inside(root: Path, path: str, size: int) -> bytes:
    at = path.find("/")
    while at >= 0:
        archive = Path(os.path.realpath(root / path[:at]))
        if is_archive(path[:at]) and archive.is_relative_to(root) and archive.is_file():
            return read_member(archive, path[at + 1 :], size)
        at = path.find("/", at + 1)
    return _read_file(root, path, size)


def _read_file(root: Path, path: str, size: int) -> bytes:
    file = Path(os.path.realpath(root / path))
    if not file.is_relative_to(root):
        raise ValueError("leads out of its source")
    # without blocking, so that a pipe put in the file's place keeps nobody waiting
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as opened:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            raise ValueError("changed since it was indexed")
        return opened.read(size)
