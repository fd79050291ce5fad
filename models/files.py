"""Files that are there whole or not at all, whatever ends the process; and read before they are
mapped."""

import os
from pathlib import Path

from models.machine import available_memory

READ_BYTES = 4 * 1024 * 1024  # at a time


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


def read_through(file: Path) -> None:
    """Into the page cache, for what maps it next, whose faults would bring it from a disk at a
    tenth of the speed. One that half of the memory would not hold is left where it is."""
    if file.stat().st_size > available_memory() // 2:
        return
    block = bytearray(READ_BYTES)
    with file.open("rb", buffering=0) as stream:
        while stream.readinto(block):
            pass


def sync(path: Path) -> None:
    """fsync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
