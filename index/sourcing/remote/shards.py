"""WebDataset shards in another file system: `s3://bucket/shards/{00000..00099}.tar`.

As shards on disk are, but streamed: an archive's bytes come in their order, in blocks, so that a
picture's are held from when it is found until it has been read. What finds no room comes again when
it is read. A store that breaks off costs the rest of the archive.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from index.found import Clock, Content, FoundImage, Listener, Root, stop_at
from index.items import WHOLE, Failure
from index.sourcing.archive import Member, grouped, stream_members
from index.sourcing.patterns import WILDCARD, expanded, is_pattern
from index.sourcing.remote.held import Held, Room
from index.sourcing.remote.store import Facts, RangeContent, listed, one_line, remote_stamp
from index.sourcing.shards import Shard, ShardWalk
from models.errors import PictorError

# so that going back to a sample's first file brings nothing a second time
BLOCKS = {"block_size": 4 * 2**20, "cache_type": "blockcache", "cache_options": {"maxblocks": 8}}
MAX_HELD_BYTES = 256 * 2**20


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
        there, room = self._listed(failed), Room(MAX_HELD_BYTES)
        for name in expanded(self.pattern):
            if WILDCARD.search(name):
                names = [each for each in there if each[0] != "." and fnmatchcase(each, name)]
            else:
                names = [name]
            for each in names:
                yield from self._images(each, there.get(each, {}), room, failed)

    def _listed(self, failed: Listener) -> dict[str, Facts]:
        """By name, in their order."""
        try:
            inside = listed(self.files, self.folder)
        except OSError as error:
            failed(Failure(self.name, WHOLE, f"folder cannot be listed: {error.strerror}"))
            return {}
        return {place.rpartition("/")[2]: facts for place, facts in inside.items()}

    def _images(
        self, name: str, facts: Facts, room: Room, failed: Listener
    ) -> Iterator[FoundImage]:
        place = f"{self.folder}/{name}"
        inside = f"{name}/" if is_pattern(self.pattern) else ""
        shard = Shard(name, inside, remote_stamp(facts, self.clock))
        try:
            with self.files.open(place, "rb", **BLOCKS) as stream:
                held = partial(_content, self.files, place, stream, room)
                walk = ShardWalk(self.name, shard, failed, held)
                members = stream_members(Path(place), stream, sys.maxsize, walk.refuse)
                yield from walk.images(grouped(Path(place), members, walk.refuse))
        except PictorError:
            raise  # the listener's
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            failed(shard.failure(self.name, f"cannot be read: {one_line(error)}"))


def _content(files: Any, place: str, stream: BinaryIO, room: Room, member: Member) -> Content:  # noqa: ANN401
    """Its bytes, where there is room for them, else where to ask for them again."""
    later = RangeContent(files, place, member.start, member.size)
    if not room.take(member.size):
        return later
    stream.seek(member.start)
    data = stream.read(member.size)
    if len(data) < member.size:
        raise EOFError(f"ended {member.size - len(data)} bytes early")
    return Held(data, later, room)
