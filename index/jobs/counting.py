"""How many files a job will find, counted beside it, so that it can say how long it will take.

Folders alone are counted, by their listings: a source of another kind, or a folder that cannot be
listed, leaves the number unknown. The walk decides what is taken; this is about what is to come.
"""

import os
import threading
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Protocol, runtime_checkable

from index.folder import is_collection
from models.decode import EXTENSIONS


@runtime_checkable
class Countable(Protocol):
    def count(self) -> int:
        """About how many pictures the source has; raises OSError where nobody can tell."""
        ...


class Expected:
    """Counts in a thread of its own; `number` is None until it has ended, or for ever."""

    def __init__(self, sources: Sequence[object]) -> None:
        self.number: int | None = None
        self._sources = sources
        self._thread = threading.Thread(target=self._count, name="pictor-count", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        self._thread.join()

    def _count(self) -> None:
        total = 0
        for source in self._sources:
            if not isinstance(source, Countable):
                return
            try:
                total += source.count()
            except OSError:
                return
        self.number = total


def count_pictures(folder: Path) -> int:
    """Files that are called pictures in a folder and all below it, hidden ones left out."""
    total = 0
    for place, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not is_collection(Path(place, name))
        ]
        total += sum(_is_picture(name) for name in files)
    return total


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and PurePath(name).suffix.lower() in EXTENSIONS
