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
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from index.found import Clock, FoundImage, Listener, Root, file_stamp, stop_at
from index.items import Failure
from index.sidecars import MAX_BYTES as MAX_SIDECAR_BYTES
from index.sidecars import Sidecar, SidecarError
from index.sourcing.archive import Member, Refused, Sample, SpanContent, samples
from index.sourcing.members import MemberError, beside, inner_path, is_hidden, is_picture, shown
from index.sourcing.patterns import matching


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
            yield from _ShardWalk(self, self.root.path, "", failed).images()
            return
        inside_of = os.path.realpath(self.root.path)
        for shard in matching(self.root.path, self.pattern):
            if Path(os.path.realpath(shard)).is_relative_to(inside_of):
                yield from _ShardWalk(self, shard, f"{shard.name}/", failed).images()
            else:
                failed(Failure(self.name, shard.name, "a link that leads out of its source"))


class _ShardWalk:
    def __init__(self, source: ShardSource, shard: Path, inside: str, failed: Listener) -> None:
        self._source = source.name
        self._shard = shard
        self._inside = inside
        self._failed = failed
        self._stamp = file_stamp(shard.stat, source.clock)

    def images(self) -> Iterator[FoundImage]:
        # whether a picture is too large is asked when it is read, and other files may be
        for sample in samples(self._shard, sys.maxsize, self._refuse):
            for suffix, member in sample.spans.items():
                try:
                    path = inner_path(member.name)
                except MemberError as error:
                    self._refuse(member.name, str(error))
                    continue
                if is_picture(path) and not is_hidden(path):
                    yield self._image(path, member, _said(sample, suffix, self._refuse))

    def _image(self, path: str, member: Member, said: Sidecar) -> FoundImage:
        return FoundImage(
            source=self._source,
            path=self._inside + path,
            caption=said.caption,
            metadata=said.metadata,
            content=SpanContent(member),
            stamp=self._stamp and f"{self._stamp}-{member.start}-{member.size}",
        )

    def _refuse(self, name: str, reason: str) -> None:
        path = f"{self._inside}{shown(name)}".rstrip("/") or self._shard.name
        self._failed(Failure(self._source, path, reason))


def _said(sample: Sample, suffix: str, failed: Refused) -> Sidecar:
    own = suffix.rpartition(".")[0]
    files = {}
    for kind in ("txt", "json"):
        member = sample.spans.get(f"{own}.{kind}") or sample.spans.get(kind)
        if member is not None:
            files[member.name] = partial(_sidecar_bytes, member)
    return beside(files, failed)


def _sidecar_bytes(member: Member) -> bytes:
    if member.size > MAX_SIDECAR_BYTES:
        raise SidecarError(f"over {MAX_SIDECAR_BYTES} bytes")
    return member.read()
