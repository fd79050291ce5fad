"""One walk through a folder of pictures.

Nothing outside the root is opened: a link that leads out is a failure, whether it stands for a
picture, a folder or a caption. So are names that are not UTF-8, what is not a regular file, and
folders that cannot be listed; a root that cannot be listed raises InputError.
"""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from index.folder import is_collection
from index.found import Clock, FileContent, FoundImage, Listener, Root, file_stamp, is_utf8
from index.items import WHOLE, Failure
from index.sourcing.sidecars import Sidecar, SidecarError, read_sidecar
from models.decode import EXTENSIONS

Identity = tuple[int, int]  # (st_dev, st_ino)
Entries = Mapping[str, os.DirEntry[str]]


@dataclass(frozen=True)
class Listing:
    """A folder that is being walked: what is left of it, and all that stands in it."""

    inside: str  # "" or "trip/"
    identity: Identity
    entries: Entries
    left: Iterator[str]


class FolderWalk:
    def __init__(self, root: Root, failed: Listener, clock: Clock = time.time) -> None:
        self._root = root
        self._clock = clock
        self._inside_of = Path(os.path.realpath(root.path))
        self._failed = failed

    def images(self) -> Iterator[FoundImage]:
        # a stack rather than recursion, so that no depth of folders is too deep
        open_folders = self._listed(self._root.path, "", [])
        while open_folders:
            folder = open_folders[-1]
            name = next(folder.left, None)
            if name is None:
                open_folders.pop()
            elif not self._is_taken(folder, name):
                continue
            elif _is_folder(folder.entries[name]):
                path = Path(folder.entries[name].path)
                open_folders += self._listed(path, f"{folder.inside}{name}/", open_folders)
            else:
                yield self._image(folder, name)

    def _listed(self, path: Path, inside: str, above: list[Listing]) -> list[Listing]:
        """The folder as a list of one; empty where it is not entered."""
        try:
            status = path.stat()
            with os.scandir(path) as scanned:
                entries = {entry.name: entry for entry in scanned if entry.name[0] != "."}
        except OSError as error:
            self._fail(inside or WHOLE, f"folder cannot be listed: {error.strerror}")
            return []
        identity = (status.st_dev, status.st_ino)
        if is_collection(path) or any(folder.identity == identity for folder in above):
            return []
        # a folder's own name sorts as it does within the paths of what it holds
        names = sorted(entries, key=lambda n: f"{n}/" if _is_folder(entries[n]) else n)
        return [Listing(inside, identity, entries, iter(names))]

    def _is_taken(self, folder: Listing, name: str) -> bool:
        entry, is_folder = folder.entries[name], _is_folder(folder.entries[name])
        if not is_folder and PurePosixPath(name).suffix.lower() not in EXTENSIONS:
            return False
        reason = None
        if not is_utf8(name):
            reason = "its name is not UTF-8"
        elif not is_folder and not _is_file(entry):
            reason = "broken link" if entry.is_symlink() else "not a regular file"
        elif self._leads_out(entry):
            reason = "a link that leads out of its source"
        if reason:
            self._fail(folder.inside + name, reason)
        return reason is None

    def _image(self, folder: Listing, name: str) -> FoundImage:
        text = self._sidecar(folder, PurePosixPath(name).with_suffix(".txt").name)
        data = self._sidecar(folder, PurePosixPath(name).with_suffix(".json").name)
        entry = folder.entries[name]
        return FoundImage(
            source=self._root.name,
            path=folder.inside + name,
            caption=text.caption or data.caption,
            metadata=data.metadata,
            content=FileContent(Path(entry.path)),
            stamp=file_stamp(entry.stat, self._clock),
        )

    def _sidecar(self, folder: Listing, name: str) -> Sidecar:
        entry = folder.entries.get(name)
        if entry is None or not _is_file(entry):
            return Sidecar()
        try:
            if self._leads_out(entry):
                raise SidecarError("a link that leads out of its source")
            return read_sidecar(Path(entry.path))
        except SidecarError as error:
            self._fail(folder.inside + name, f"caption file: {error}")
            return Sidecar()

    def _leads_out(self, entry: os.DirEntry[str]) -> bool:
        # a folder on the way here that led out was not entered
        if not entry.is_symlink():
            return False
        return not Path(os.path.realpath(entry.path)).is_relative_to(self._inside_of)

    def _fail(self, path: str, reason: str) -> None:
        shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        self._failed(Failure(self._root.name, shown, reason))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link in a circle


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False
