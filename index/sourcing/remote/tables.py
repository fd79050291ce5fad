"""A table in another file system, and the pictures there that a table's paths lead to.

Paths are relative to the table's folder and stay inside it. Where rows that follow one another lead
to one folder, what is there is asked of the store at once, and remembered for a few folders.
"""

import posixpath
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from index.found import Clock, FoundImage, Listener, Root, stop_at
from index.sourcing.fetching import Fetcher
from index.sourcing.pictures import NoPictureError, Picture
from index.sourcing.remote.store import (
    Facts,
    Listing,
    RemoteContent,
    RemoteFile,
    facts_of,
    listed,
    not_there,
    remote_stamp,
)
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
        pictures = RemotePictures(self.table.files, self.table.parent, self.clock)
        table = Table(self.name, self.table, self.columns, self.fetcher)
        return TableWalk(table, pictures, failed).images()


class RemotePictures:
    """As they are from when it is made."""

    def __init__(self, files: Any, folder: str, clock: Clock = time.time) -> None:  # noqa: ANN401
        self._files = files
        self._folder = folder
        self._clock = clock
        self._listings: OrderedDict[str, Listing] = OrderedDict()
        self._last = ""  # the folder of the one before

    def at(self, place: str) -> Picture:
        path = posixpath.normpath(place)
        if "\0" in place or path.startswith("/") or path.split("/")[0] == "..":
            raise NoPictureError("leads out of its folder")
        whole = f"{self._folder}/{path}"
        try:
            facts = self._facts(whole)
        except OSError as error:
            raise NoPictureError(str(error.strerror)) from error
        if facts["type"] != "file":
            raise NoPictureError("not a regular file")
        content = RemoteContent(self._files, whole, facts.get("size"))
        return Picture(path, content, remote_stamp(facts, self._clock))

    def _facts(self, place: str) -> Facts:
        """Of one alone, where the one before was elsewhere: else its folder's are asked for."""
        folder = place.rpartition("/")[0]
        before, self._last = self._last, folder
        if folder in self._listings:
            self._listings.move_to_end(folder)
        elif folder == before:
            self._listings[folder] = self._listed(folder)
            if len(self._listings) > REMEMBERED:
                self._listings.popitem(last=False)
        else:
            return facts_of(self._files, place)
        if place not in self._listings[folder]:
            raise not_there()
        return self._listings[folder][place]

    def _listed(self, folder: str) -> Listing:
        try:
            return listed(self._files, folder)
        except FileNotFoundError:
            return {}
