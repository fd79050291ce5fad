"""Pictures in WebDataset shards: a .tar, or the .tar files of a folder, never unpacked.

A sample's pictures are those of its files that have a picture's extension; its .txt is their
caption and its .json their metadata, as beside a file. A picture `a.left.jpg` has `a.left.txt` for
its own, where that is there. Paths are `shard.tar/a.left.jpg`, or `a.left.jpg` where the archive is
the whole source. Hidden files are passed over, members that lead out and all that is not a plain
file are failures, and a damaged archive is one that costs only what cannot be read.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from index.found import Clock, Content, FoundImage, Listener, Root, file_stamp, stop_at
from index.items import WHOLE, Failure
from index.sourcing.archive import Member, Sample, SpanContent, samples
from index.sourcing.members import MemberError, beside, inner_path, is_hidden, is_picture, shown
from index.sourcing.patterns import matching
from index.sourcing.sidecars import MAX_BYTES as MAX_SIDECAR_BYTES
from index.sourcing.sidecars import Sidecar


@dataclass(frozen=True)
class ShardSource:
    """Without a pattern, the root is an archive; with one, a folder of those that it names."""

    root: Root
    pattern: str | None = None
    clock: Clock = time.time

    @property
    def name(self) -> str:
        return self.root.name

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        if self.pattern is None:
            yield from self._images(self.root.path, "", failed)
            return
        inside_of = os.path.realpath(self.root.path)
        for shard in matching(self.root.path, self.pattern):
            if Path(os.path.realpath(shard)).is_relative_to(inside_of):
                yield from self._images(shard, f"{shard.name}/", failed)
            else:
                failed(Failure(self.name, shard.name, "a link that leads out of its source"))

    def _images(self, shard: Path, inside: str, failed: Listener) -> Iterator[FoundImage]:
        stamp = file_stamp(shard.stat, self.clock)
        walk = ShardWalk(self.name, Shard(shard.name, inside, stamp), failed, SpanContent)
        # whether a picture is too large is asked when it is read, and other files may be
        return walk.images(samples(shard, sys.maxsize, walk.refuse))


@dataclass(frozen=True)
class Shard:
    name: str
    inside: str  # what the paths of its pictures begin with: "" or "shard.tar/"
    stamp: str | None

    def failure(self, source: str, reason: str) -> Failure:
        """Of what nobody has seen of it."""
        return Failure(source, self.inside or WHOLE, f"{self.name}: {reason}")


class ShardWalk:
    """From an archive's samples to its pictures."""

    def __init__(
        self, source: str, shard: Shard, failed: Listener, content: Callable[[Member], Content]
    ) -> None:
        self._source = source
        self._shard = shard
        self._failed = failed
        self._content = content

    def images(self, samples: Iterable[Sample]) -> Iterator[FoundImage]:
        for sample in samples:
            for suffix, member in sample.spans.items():
                try:
                    path = inner_path(member.name)
                except MemberError as error:
                    self.refuse(member.name, str(error))
                    continue
                if is_picture(path) and not is_hidden(path):
                    yield self._image(path, member, self._said(sample, suffix))

    def refuse(self, name: str, reason: str) -> None:
        """Of a member; without a name, of what nobody has seen of the archive."""
        if name:
            self._failed(
                Failure(self._source, f"{self._shard.inside}{shown(name).rstrip('/')}", reason)
            )
        else:
            self._failed(self._shard.failure(self._source, reason))

    def _image(self, path: str, member: Member, said: Sidecar) -> FoundImage:
        stamp = self._shard.stamp
        return FoundImage(
            source=self._source,
            path=self._shard.inside + path,
            caption=said.caption,
            metadata=said.metadata,
            content=self._content(member),
            stamp=stamp and f"{stamp}-{member.start}-{member.size}",
        )

    def _said(self, sample: Sample, suffix: str) -> Sidecar:
        own = suffix.rpartition(".")[0]
        files = {}
        for kind in ("txt", "json"):
            member = sample.spans.get(f"{own}.{kind}") or sample.spans.get(kind)
            if member is not None:
                files[member.name] = partial(self._content(member).read, MAX_SIDECAR_BYTES)
        return beside(files, self.refuse)
