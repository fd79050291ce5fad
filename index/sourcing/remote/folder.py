"""Pictures in a folder of another file system: `s3://bucket/photos`.

Read as a folder is, with the captions and metadata beside the pictures; hidden files are passed
over, and what cannot be listed or read is a failure. A stamp is the store's own mark of a file's
content, or its size and time.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any, TypeVar

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
from index.sourcing.remote.store import Facts, Listing, RemoteContent, listed, remote_stamp
from index.sourcing.sidecars import MAX_BYTES as MAX_SIDECAR_BYTES

CONNECTIONS = 16  # that captions are received by
AHEAD = 64  # pictures

T = TypeVar("T")
R = TypeVar("R")


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


@dataclass(frozen=True)
class _Listed:
    """A picture, and all that is in its folder."""

    path: str
    facts: Facts
    around: Listing


class _RemoteWalk:
    def __init__(self, source: RemoteSource, failed: Listener) -> None:
        self._source = source
        self._failed = failed

    def images(self) -> Iterator[FoundImage]:
        with ThreadPoolExecutor(CONNECTIONS, "pictor-beside") as pool:
            for image, failures in _in_order(pool, self._image, self._pictures()):
                for failure in failures:
                    self._failed(failure)
                yield image

    def _pictures(self) -> Iterator[_Listed]:
        # a stack rather than recursion, so that no depth of folders is too deep
        left = [self._source.folder]
        while left:
            around = self._listed(left.pop())
            left += [place[:-1] for place in reversed(around) if place.endswith("/")]
            for place, facts in around.items():
                path = None if place.endswith("/") else self._path(place)
                if facts["type"] == "file" and path is not None and is_picture(path):
                    yield _Listed(path, facts, around)

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
            self._failed(self._failure(name, str(error)))
            return None

    def _image(self, picture: _Listed) -> tuple[FoundImage, list[Failure]]:
        """And what is the matter with what stands beside it."""
        facts, failures = picture.facts, list[Failure]()
        said = beside(
            self._sidecars(picture), lambda name, why: failures.append(self._failure(name, why))
        )
        image = FoundImage(
            source=self._source.name,
            path=picture.path,
            caption=said.caption,
            metadata=said.metadata,
            content=RemoteContent(self._source.files, facts["name"], facts.get("size")),
            stamp=remote_stamp(facts, self._source.clock),
        )
        return image, failures

    def _sidecars(self, picture: _Listed) -> dict[str, Callable[[], bytes]]:
        stem = picture.facts["name"].rpartition(".")[0]
        files: dict[str, Callable[[], bytes]] = {}
        for place in (stem + kind for kind in SIDECARS):
            if place in picture.around:
                content = RemoteContent(
                    self._source.files, place, picture.around[place].get("size")
                )
                files[place] = partial(content.read, MAX_SIDECAR_BYTES)
        return files

    def _inside(self, name: str) -> str:
        return name.removeprefix(self._source.folder).lstrip("/")

    def _failure(self, name: str, reason: str) -> Failure:
        return Failure(self._source.name, shown(self._inside(name)), reason)


def _in_order(pool: Executor, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """What is made of each, some of them at a time."""
    coming: deque[Future[R]] = deque()
    try:
        for item in items:
            coming.append(pool.submit(work, item))
            if len(coming) > AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
    finally:
        for future in coming:
            future.cancel()
