"""Pictures in a zip, never unpacked.

Captions and metadata stand beside a picture as in a folder: `a/b.txt`, `a/b.json`. Paths are the
members' names. Hidden files are passed over. Failures, by name, are members that lead out, links,
encrypted ones, those packed in another way than Deflate, and bombs: what unpacks to over 200 times
its bytes, and what shares its bytes with another member.
"""

import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from index.found import Clock, FoundImage, Listener, Root, file_stamp, stop_at
from index.items import WHOLE, Failure
from index.sourcing.files import File
from index.sourcing.members import (
    SIDECARS,
    MemberError,
    beside,
    inner_path,
    is_hidden,
    is_picture,
    shown,
)
from index.sourcing.sidecars import MAX_BYTES as MAX_SIDECAR_BYTES
from index.sourcing.sidecars import Sidecar
from index.sourcing.zip_archive import (
    DEFLATED,
    ENCRYPTED,
    STORED,
    ZipError,
    ZipMember,
    read_directory,
)

MAX_RATIO = 200
RATIO_FROM = 1024 * 1024  # bytes, up to which a plain picture may be packed to nothing


@dataclass(frozen=True)
class ZipSource:
    """The root is the zip."""

    root: Root
    clock: Clock = time.time

    @property
    def name(self) -> str:
        return self.root.name

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        file = self.root.path
        return ZipWalk(self.name, file, file_stamp(file.stat, self.clock), failed).images()


class ZipWalk:
    """Of a zip on disk or not; its stamp is as a file's."""

    def __init__(self, source: str, file: File, stamp: str | None, failed: Listener) -> None:
        self._source = source
        self._file = file
        self._stamp = stamp
        self._failed = failed
        self._sidecars: dict[str, ZipMember] = {}

    def images(self) -> Iterator[FoundImage]:
        try:
            shared = self._first_look()
            for member in read_directory(self._file):
                path = self._path(member, shared)
                if path is not None:
                    yield self._image(path, member)
        except ZipError as error:
            self._failed(Failure(self._source, WHOLE, f"{self._file.name}: {error}"))

    def _first_look(self) -> set[int]:
        """Remembers the sidecars; gives the places of members that share their bytes."""
        starts, ends = array("Q"), array("Q")
        for member in read_directory(self._file):
            if member.is_folder or not member.lies_inside:
                continue
            starts.append(member.start)
            ends.append(member.end)
            if member.name.lower().endswith(SIDECARS):
                self._sidecars[member.name] = member
        order = np.argsort(np.asarray(starts), kind="stable")
        sorted_starts, sorted_ends = np.asarray(starts)[order], np.asarray(ends)[order]
        return set(sorted_starts[:-1][sorted_ends[:-1] > sorted_starts[1:]].tolist())

    def _path(self, member: ZipMember, shared: set[int]) -> str | None:
        """Of a picture; None where it is not taken."""
        if member.is_folder:
            return None
        try:
            path = inner_path(member.name)
            if is_hidden(path):
                return None
            if not member.is_plain:
                raise MemberError("expected plain files, got a link or a device")
            if not is_picture(path):
                return None
            _check(member, shared)
        except MemberError as error:
            self._refuse(member.name, str(error))
            return None
        return path

    def _image(self, path: str, member: ZipMember) -> FoundImage:
        said = self._said(member)
        return FoundImage(
            source=self._source,
            path=path,
            caption=said.caption,
            metadata=said.metadata,
            content=member,
            stamp=self._stamp and f"{self._stamp}-{member.start}-{member.size}-{member.checksum}",
        )

    def _said(self, member: ZipMember) -> Sidecar:
        stem = member.name.rpartition(".")[0]
        named = (self._sidecars.get(stem + kind) for kind in SIDECARS)
        files = {each.name: partial(each.read, MAX_SIDECAR_BYTES) for each in named if each}
        return beside(files, self._refuse)

    def _refuse(self, name: str, reason: str) -> None:
        self._failed(Failure(self._source, shown(name), reason))


def _check(member: ZipMember, shared: set[int]) -> None:
    if not member.lies_inside:
        raise MemberError("lies outside of its zip")
    if member.flags & ENCRYPTED:
        raise MemberError("encrypted")
    if member.method not in (STORED, DEFLATED):
        raise MemberError(f"packed by method {member.method}, expected stored or Deflate")
    if member.size > max(RATIO_FROM, MAX_RATIO * member.packed):
        raise MemberError(f"unpacks from {member.packed} to {member.size} bytes: too good a ratio")
    if member.start in shared:
        raise MemberError("shares its bytes with another member")
