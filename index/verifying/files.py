"""A file that the catalogue names: whether it is there, as it was written, and can be read."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from index.folder import checksum
from models.errors import CollectionError

T = TypeVar("T")


def read_named(file: Path, expected: str, read: Callable[[], T]) -> tuple[T | None, list[str]]:
    """What `read` gives of the file, None where it cannot; and what is wrong with it."""
    named = f"{file.parent.name}/{file.name}"
    if not file.is_file():
        return None, [f"{named}: missing"]
    faults = []
    if checksum(file) != expected:
        faults.append(f"{named}: its checksum is not the catalogue's")
    try:
        return read(), faults
    except CollectionError as error:
        return None, [*faults, str(error)]
