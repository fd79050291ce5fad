"""Pictures in a folder of another file system: `s3://bucket/photos`.

Read as a folder is, with the captions and metadata beside the pictures; hidden files are passed
over, and what cannot be listed or read is a failure. A stamp is the store's own mark of a file's
content, or its size and time.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from index.found import Clock, FoundImage, Listener, Root, stop_at
from index.items import WHOLE, Failure
from index.sourcing.members import (
    SIDECARS,
    MemberError,
    beside,
    inner_path,
    is_hidden,
    is_picture,
    shown,
)
from index.sourcing.remote.store import Facts, RemoteContent, listed, remote_stamp
from index.sourcing.sidecars import MAX_BYTES as MAX_SIDECAR_BYTES
from index.sourcing.sidecars import Sidecar


@dataclass(frozen=True)
class RemoteSource:
    name: str
    files: Any  # an fsspec file system
    folder: str  # in it
    clock: Clock = time.time

    @property
    def root(self) -> Root | None:
        return None

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        return _RemoteWalk(self, failed).images()


class _RemoteWalk:
    def __init__(self, source: RemoteSource, failed: Listener) -> None:
        self._source = source
        self._failed = failed

    def images(self) -> Iterator[FoundImage]:
        # a stack rather than recursion, so that no depth of folders is too deep
        left = [self._source.folder]
        while left:
            around = self._listed(left.pop())
            left += [place[:-1] for place in reversed(around) if place.endswith("/")]
            for place, facts in around.items():
                path = None if place.endswith("/") else self._path(place)
                if facts["type"] == "file" and path is not None and is_picture(path):
                    yield self._image(path, facts, around)

    def _listed(self, folder: str) -> dict[str, Facts]:
        """By name, in their order, without the hidden ones."""
        try:
            around = listed(self._source.files, folder)
        except OSError as error:
            inside = self._inside(folder)
            path = f"{shown(inside)}/" if inside else WHOLE
            reason = f"folder cannot be listed: {error.strerror}"
            self._failed(Failure(self._source.name, path, reason))
            return {}
        return {
            place: facts
            for place, facts in around.items()
            if not is_hidden(PurePosixPath(place).name)
        }

    def _path(self, name: str) -> str | None:
        try:
            return inner_path(self._inside(name))
        except MemberError as error:
            self._refuse(name, str(error))
            return None

    def _image(self, path: str, facts: Facts, around: Mapping[str, Facts]) -> FoundImage:
        said = self._said(facts["name"], around)
        size = facts.get("size")
        return FoundImage(
            source=self._source.name,
            path=path,
            caption=said.caption,
            metadata=said.metadata,
            content=RemoteContent(self._source.files, facts["name"], size),
            stamp=remote_stamp(facts, self._source.clock),
        )

    def _said(self, name: str, around: Mapping[str, Facts]) -> Sidecar:
        stem = name.rpartition(".")[0]
        files = {}
        for beside_it in (stem + kind for kind in SIDECARS):
            if beside_it in around and around[beside_it]["type"] == "file":
                content = RemoteContent(
                    self._source.files, beside_it, around[beside_it].get("size")
                )
                files[beside_it] = partial(content.read, MAX_SIDECAR_BYTES)
        return beside(files, self._refuse)

    def _inside(self, name: str) -> str:
        return name.removeprefix(self._source.folder).lstrip("/")

    def _refuse(self, name: str, reason: str) -> None:
        self._failed(Failure(self._source.name, shown(self._inside(name)), reason))
