"""Files that are there whole or not at all, whatever ends the process."""

import os
from pathlib import Path


def write_whole(file: Path, data: bytes) -> None:
    """Durable when it returns, but for the folder's own entry, which `sync(folder)` makes so."""
    unfinished = file.with_name(f"{file.name}.tmp")
    try:
        with unfinished.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(file)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """fsync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
