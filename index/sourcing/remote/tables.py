"""A table in another file system, and the pictures there that a table's paths lead to.

Paths are relative to the table's folder and stay inside it. What is there is asked of the store a
folder at a time, and remembered for the last few folders.
"""

import posixpath
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from index.found import Clock, FoundImage, Listener, Root, stop_at
from index.sourcing.fetching import Fetcher
from index.sourcing.pictures import NoPictureError, Picture
from index.sourcing.remote.store import Facts, RemoteContent, RemoteFile, listed, remote_stamp
from index.sourcing.table_source import Table, TableColumns, TableWalk

REMEMBERED = 16  # folders


@dataclass(frozen=True)
class RemoteTableSource:
    name: str
    table: RemoteFile
    columns: TableColumns = field(default_factory=TableColumns)
    fetcher: Fetcher = field(default_factory=Fetcher)
    clock: Clock = time.time

    @property
    def root(self) -> Root | None:
        return None

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        pictures = pictures_now(self.table.files, self.table.parent, self.clock)
        table = Table(self.name, self.table, self.columns, self.fetcher)
        return TableWalk(table, pictures, failed).images()


def pictures_now(files: Any, folder: str, clock: Clock = time.time) -> "RemotePictures":  # noqa: ANN401
    files.invalidate_cache()
    return RemotePictures(files, folder, clock)


@dataclass(frozen=True)
class RemotePictures:
    files: Any  # an fsspec file system
    folder: str  # in it
    clock: Clock = time.time
    _seen: dict[str, Mapping[str, Facts]] = field(default_factory=dict, compare=False)

    def at(self, place: str) -> Picture:
        path = posixpath.normpath(place)
        if "\0" in place or path.startswith("/") or path.split("/")[0] == "..":
            raise NoPictureError("leads out of its folder")
        whole = f"{self.folder}/{path}"
        facts = self._listed(whole.rpartition("/")[0]).get(whole)
        if facts is None:
            raise NoPictureError("no such file there")
        if facts["type"] != "file":
            raise NoPictureError("not a regular file")
        content = RemoteContent(self.files, whole, facts.get("size"))
        return Picture(path, content, remote_stamp(facts, self.clock))

    def _listed(self, folder: str) -> Mapping[str, Facts]:
        if folder not in self._seen:
            if len(self._seen) == REMEMBERED:
                del self._seen[next(iter(self._seen))]  # the one that was asked for first
            try:
                self._seen[folder] = listed(self.files, folder)
            except OSError as error:
                raise NoPictureError(f"its folder cannot be listed: {error.strerror}") from error
        return self._seen[folder]
