"""Where pictures come from.

A source is walked in a stable order and tells every file that it cannot take to the walk's
listener; it raises only for a mistake of the user's.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from index.folder_walk import FolderWalk
from index.found import Clock, FileContent, FoundImage, Listener, Root, is_utf8, stop_at
from models.errors import InputError

__all__ = [
    "FileContent",
    "FolderSource",
    "FoundImage",
    "ImageSource",
    "Listener",
    "Root",
    "parse_root",
    "stop_at",
]

MAX_NAME = 100


class ImageSource(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def root(self) -> Root | None:
        """The folder that originals are read from later; None where there is no such folder."""
        ...

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]: ...


def parse_root(text: str) -> Root:
    """NAME=PATH, or PATH, which its folder names; raises InputError for anything else."""
    name, equals, place = text.partition("=")
    is_path = not equals or Path(text).expanduser().is_dir()
    path = Path(text if is_path else place).expanduser()
    if not (text if is_path else place) or not path.is_dir():
        raise InputError(f"{text if is_path else place!r}: not an existing folder")
    path = path.resolve()
    return _checked(Root(path.name if is_path else name, path))


def _checked(root: Root) -> Root:
    name = root.name
    silly = name != name.strip() or not name.isprintable() or set(name) & set("/\\=")
    if not name or silly or len(name) > MAX_NAME:
        raise InputError(
            f"{name!a} will not do as a source's name: write NAME=PATH with a name of "
            f"1 to {MAX_NAME} printable characters without / \\ ="
        )
    if not is_utf8(str(root.path)):
        raise InputError(f"{str(root.path)!a}: a folder whose path is not UTF-8")
    return root


@dataclass(frozen=True)
class FolderSource:
    """Picture files under a root, by extension, in codepoint order of their paths.

    Hidden files and folders and whole collections are passed over. Links are followed while they
    stay inside the root, and a folder is never entered from within itself.
    """

    root: Root
    clock: Clock = time.time

    @property
    def name(self) -> str:
        return self.root.name

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        return FolderWalk(self.root, failed, self.clock).images()
