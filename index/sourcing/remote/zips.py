"""A zip in another file system, of which its directory and its pictures are received, each by a
request of its own: as one on disk otherwise."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from index.found import Clock, FoundImage, Listener, Root, stop_at
from index.items import WHOLE, Failure
from index.sourcing.remote.store import RemoteFile, facts_of, remote_stamp
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
        try:
            facts = facts_of(self.file.files, self.file.place)
        except OSError as error:
            failed(Failure(self.name, WHOLE, f"{self.file.name}: cannot be read: {error.strerror}"))
            return iter(())
        file = replace(self.file, size=facts.get("size"))
        return ZipWalk(self.name, file, remote_stamp(facts, self.clock), failed).images()
