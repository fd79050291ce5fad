"""Where an export is written: a folder of its own, each file in it there whole or not at all.

Raises CollectionError, naming file and reason, where it cannot be written, as on a full disk.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from index.folder import writing
from models.errors import InputError


def claim_empty(out: Path) -> None:
    """Make the folder; raises InputError for one that holds anything, or a file in its place."""
    with writing(out):
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise InputError(f"{out}: expected a new or an empty folder; nothing was touched")
        out.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def whole(file: Path) -> Iterator[BinaryIO]:
    """A stream to fill; what stands under the file's name once it is left without an error."""
    unfinished = file.with_name(f"{file.name}.tmp")
    with writing(file):
        try:
            with unfinished.open("wb") as stream:
                yield stream
            unfinished.replace(file)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def make_durable(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())
