"""The pictures that the paths in a table lead to, in one folder.

Pictures.at(place) -> where the picture is, by its path within the folder. Raises NoPictureError,
with the reason, for what leads out of the folder and what is no file there.
"""

import os
import stat
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from index.found import Clock, Content, FileContent, file_stamp
from models.errors import InputError


class NoPictureError(InputError):
    """Why a path leads to no picture."""


@dataclass(frozen=True)
class Picture:
    path: str  # posix, within the folder
    content: Content
    stamp: str | None


class Pictures(Protocol):
    def at(self, place: str) -> Picture: ...


@dataclass(frozen=True)
class FolderPictures:
    """Of a folder on disk, links followed."""

    folder: Path
    clock: Clock = time.time

    def at(self, place: str) -> Picture:
        file = self._inside(place)
        try:
            regular = stat.S_ISREG(file.stat().st_mode)
        except OSError as error:
            raise NoPictureError(str(error.strerror)) from error
        if not regular:
            raise NoPictureError("not a regular file")
        path = file.relative_to(self._real).as_posix()
        return Picture(path, FileContent(file), file_stamp(file.stat, self.clock))

    def _inside(self, place: str) -> Path:
        file = None if "\0" in place else Path(os.path.realpath(self._real / place))
        if file is None or not file.is_relative_to(self._real):
            raise NoPictureError("leads out of its folder")
        return file

    @cached_property
    def _real(self) -> Path:
        return Path(os.path.realpath(self.folder))
