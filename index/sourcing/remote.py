"""Pictures in another file system, a bucket among them, through fsspec: `s3://bucket/photos`.

Read as a folder is, with the captions and metadata beside the pictures; hidden files are passed
over, and what cannot be listed or read is a failure. A stamp is the store's own mark of a file's
content, or its size and time. Zips and tables are read from disk alone. The one file that imports
fsspec; raises InputError, naming the extra to install, where it or the store's own package is
missing, and for a place that is not there.
"""

import importlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from index.found import SETTLED_S, Clock, FoundImage, Listener, Root, stop_at
from index.items import Failure
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
from models.errors import ImageError, ImageTooLargeError, InputError

Facts = Mapping[str, Any]  # what a store lists of a file

MARKS = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "generation", "version_id")
TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")


@dataclass(frozen=True)
class RemoteContent:
    files: Any  # an fsspec file system
    place: str
    size: int | None

    def read(self, max_bytes: int) -> bytes:
        if self.size is not None and self.size > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
        try:
            data: bytes = self.files.cat_file(self.place, start=0, end=max_bytes + 1)
        except Exception as error:
            raise ImageError(f"cannot be read: {one_line(error)}") from error
        if len(data) > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
        return data


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
        self.files.invalidate_cache()
        return _RemoteWalk(self, failed).images()


def connected(address: str) -> tuple[Any, str]:
    """An fsspec file system, and the place in it that the address names."""
    fsspec = _fsspec()
    try:
        files, place = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise InputError(
            f"{address}: cannot be opened: {one_line(error)}; for a bucket, install Pictor with "
            "its extra, pip install '.[cloud]'"
        ) from error
    return files, place.rstrip("/")


def open_remote(name: str | None, files: Any, folder: str) -> RemoteSource:  # noqa: ANN401
    """Without a name, the folder's own is it."""
    try:
        is_folder = files.isdir(folder)
    except Exception as error:
        raise InputError(f"{folder}: cannot be opened: {one_line(error)}") from error
    if not is_folder:
        raise InputError(f"{folder}: not a folder there; zips and tables are read from disk")
    return RemoteSource(name or PurePosixPath(folder).name, files, folder)


class _RemoteWalk:
    def __init__(self, source: RemoteSource, failed: Listener) -> None:
        self._source = source
        self._failed = failed

    def images(self) -> Iterator[FoundImage]:
        # a stack rather than recursion, so that no depth of folders is too deep
        left = [self._source.folder]
        while left:
            listed = self._listed(left.pop())
            folders = [name for name, facts in listed.items() if facts["type"] == "directory"]
            left += reversed(folders)
            for name, facts in listed.items():
                path = self._path(name)
                if facts["type"] == "file" and path is not None and is_picture(path):
                    yield self._image(path, facts, listed)

    def _listed(self, folder: str) -> dict[str, Facts]:
        """By name, in their order, without the hidden ones."""
        try:
            entries = self._source.files.ls(folder, detail=True)
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            self._refuse(folder, f"folder cannot be listed: {one_line(error)}")
            return {}
        by_name = {entry["name"].rstrip("/"): entry for entry in entries}
        # a bucket may list a folder as one of its own files
        return {
            name: by_name[name]
            for name in sorted(by_name)
            if name != folder and not is_hidden(PurePosixPath(name).name)
        }

    def _path(self, name: str) -> str | None:
        try:
            return inner_path(self._inside(name))
        except MemberError as error:
            self._refuse(name, str(error))
            return None

    def _image(self, path: str, facts: Facts, listed: Mapping[str, Facts]) -> FoundImage:
        said = self._said(facts["name"], listed)
        size = facts.get("size")
        return FoundImage(
            source=self._source.name,
            path=path,
            caption=said.caption,
            metadata=said.metadata,
            content=RemoteContent(self._source.files, facts["name"], size),
            stamp=remote_stamp(facts, self._source.clock),
        )

    def _said(self, name: str, listed: Mapping[str, Facts]) -> Sidecar:
        stem = name.rpartition(".")[0]
        files = {}
        for beside_it in (stem + kind for kind in SIDECARS):
            if beside_it in listed and listed[beside_it]["type"] == "file":
                content = RemoteContent(
                    self._source.files, beside_it, listed[beside_it].get("size")
                )
                files[beside_it] = partial(content.read, MAX_SIDECAR_BYTES)
        return beside(files, self._refuse)

    def _inside(self, name: str) -> str:
        return name.removeprefix(self._source.folder).lstrip("/")

    def _refuse(self, name: str, reason: str) -> None:
        self._failed(Failure(self._source.name, shown(self._inside(name)) or ".", reason))


def remote_stamp(facts: Facts, clock: Clock) -> str | None:
    mark = next((str(facts[name]) for name in MARKS if facts.get(name)), None)
    if mark is None:
        written = next((facts[name] for name in TIMES if facts.get(name)), None)
        seconds = _seconds(written)
        if seconds is None or clock() - seconds < SETTLED_S:
            return None
        mark = str(seconds)
    return f"{facts.get('size')}-{mark}"


def _seconds(written: object) -> float | None:
    """Since the epoch; a time without a zone is UTC's."""
    if isinstance(written, str):
        try:
            written = datetime.fromisoformat(written)
        except ValueError:
            return None
    if isinstance(written, datetime):
        aware = written if written.tzinfo else written.replace(tzinfo=UTC)
        return aware.timestamp()
    return float(written) if isinstance(written, int | float) else None


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _fsspec() -> Any:  # noqa: ANN401
    try:
        return importlib.import_module("fsspec")
    except ImportError as error:
        raise InputError(
            "other file systems need fsspec: install Pictor with its extra, pip install '.[cloud]'"
        ) from error
