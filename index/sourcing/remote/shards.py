"""WebDataset shards in another file system: `s3://bucket/shards/{00000..00099}.tar`.

As shards on disk are, but streamed: an archive's bytes come in their order, in blocks, so that a
picture's are held from when it is found until it has been read. One over `MAX_BYTES` is not held,
and costs that picture alone; a store that breaks off costs the rest of the archive.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO

from index.found import Clock, Content, FoundImage, HeldContent, Listener, Root, stop_at
from index.items import Failure
from index.sourcing.archive import MAX_BYTES, Member, grouped, stream_members
from index.sourcing.patterns import WILDCARD, expanded, is_pattern
from index.sourcing.remote.store import Facts, listed, one_line, remote_stamp
from index.sourcing.shards import Shard, ShardWalk
from models.errors import ImageTooLargeError, PictorError

# so that going back to a sample's first file brings nothing a second time
BLOCKS = {"block_size": 4 * 2**20, "cache_type": "blockcache", "cache_options": {"maxblocks": 8}}


@dataclass(frozen=True)
class RemoteShardSource:
    name: str
    files: Any  # an fsspec file system
    folder: str  # in it
    pattern: str
    clock: Clock = time.time

    @property
    def root(self) -> Root | None:
        return None

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        self.files.invalidate_cache()
        there = self._listed(failed)
        for name in expanded(self.pattern):
            if WILDCARD.search(name):
                names = [each for each in there if fnmatchcase(each, name)]
            else:
                names = [name]
            for each in names:
                yield from self._images(each, there.get(each, {}), failed)

    def _listed(self, failed: Listener) -> dict[str, Facts]:
        """By name, in their order."""
        try:
            inside = listed(self.files, self.folder)
        except OSError as error:
            failed(Failure(self.name, ".", f"folder cannot be listed: {error.strerror}"))
            return {}
        return {place.rpartition("/")[2]: facts for place, facts in inside.items()}

    def _images(self, name: str, facts: Facts, failed: Listener) -> Iterator[FoundImage]:
        place = f"{self.folder}/{name}"
        try:
            with self.files.open(place, "rb", **BLOCKS) as stream:
                inside = f"{name}/" if is_pattern(self.pattern) else ""
                shard = Shard(name, inside, remote_stamp(facts, self.clock))
                walk = ShardWalk(self.name, shard, failed, _Held(stream))
                members = stream_members(Path(place), stream, sys.maxsize, walk.refuse)
                yield from walk.images(grouped(Path(place), members, walk.refuse))
        except PictorError:
            raise  # the listener's
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            failed(Failure(self.name, name, f"cannot be read: {one_line(error)}"))


class _Held:
    """Reads a member when it is found."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __call__(self, member: Member) -> Content:
        if member.size > MAX_BYTES:
            return HeldContent(b"", ImageTooLargeError(f"over {MAX_BYTES} bytes"))
        self._stream.seek(member.start)
        data = self._stream.read(member.size)
        if len(data) < member.size:
            raise EOFError(f"ended {member.size - len(data)} bytes early")
        return HeldContent(data)
