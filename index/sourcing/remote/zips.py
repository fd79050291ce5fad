"""A zip in another file system, of which its directory and its pictures are received, each by a
request of its own: as one on disk otherwise."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from index.found import Clock, FoundImage, Listener, Root, stop_at
from index.sourcing.remote.store import RemoteFile, stamp_of
from index.sourcing.zips import ZipWalk


@dataclass(frozen=True)
class RemoteZipSource:
    name: str
    file: RemoteFile
    clock: Clock = time.time

    @property
    def root(self) -> Root | None:
        return None

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        self.file.files.invalidate_cache()
        stamp = stamp_of(self.file.files, self.file.place, self.clock)
        return ZipWalk(self.name, self.file, stamp, failed).images()
