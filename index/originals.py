"""The bytes of an item, from one of the files that it was found in.

A file is given out only from inside its root, links followed, and only while its content is still
the item's: a file that was changed since is another picture.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from index.items import Item, Occurrence, item_id
from models.errors import GoneError


def read_original(item: Item, roots: Mapping[str, Path]) -> bytes:
    """Raises GoneError, naming what was tried, where no file has the item's bytes any more."""
    reasons = []
    for occurrence in item.occurrences:
        try:
            return _read(item, occurrence, roots)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            reasons.append(f"{occurrence.source}/{occurrence.path}: {reason}")
    raise GoneError(f"{item.id}: original cannot be read any more: {'; '.join(reasons)}")


def _read(item: Item, occurrence: Occurrence, roots: Mapping[str, Path]) -> bytes:
    if occurrence.source not in roots:
        raise ValueError("its source is not a folder")
    root = Path(os.path.realpath(roots[occurrence.source]))
    file = Path(os.path.realpath(root / occurrence.path))
    if not file.is_relative_to(root):
        raise ValueError("leads out of its source")
    # without blocking, so that a pipe put in the file's place keeps nobody waiting
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as opened:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != item.bytes:
            raise ValueError("changed since it was indexed")
        data = opened.read(item.bytes)
    if item_id(data) != item.id:
        raise ValueError("changed since it was indexed")
    return data
