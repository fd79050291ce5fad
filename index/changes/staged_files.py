"""The files of a live change: on the disk before its transaction, named within it.

Uploaded bytes and thumbnails are written under names of their own, side by side, and made durable;
`adopt` gives them their places, under the write lock, just before the commit. What was not adopted
is removed when the block is left; what a killed process leaves is garbage for the next job.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Protocol
from uuid import uuid4

from index.folder import SYNCING_THREADS, UNFINISHED, CollectionFolder
from index.items import Item
from models.files import sync


class Sent(Protocol):
    @property
    def data(self) -> bytes: ...

    @property
    def item(self) -> Item: ...

    @property
    def thumbnail(self) -> bytes | None: ...


class StagedFiles:
    def __init__(self, folder: CollectionFolder) -> None:
        self._folder = folder
        self._staged: list[tuple[Path, Path]] = []  # where each is, and where it belongs

    def __enter__(self) -> "StagedFiles":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for staged, _ in self._staged:
            staged.unlink(missing_ok=True)

    def write(self, sent: Iterable[Sent]) -> None:
        wanted: dict[Path, bytes] = {}
        for each in sent:
            wanted[self._folder.upload(each.item.id)] = each.data
            if each.thumbnail is not None:
                wanted[self._folder.thumbnail(each.item.id)] = each.thumbnail
        for place in {place.parent for place in wanted}:
            place.mkdir(parents=True, exist_ok=True)
        self._staged = [
            (place.with_name(f"{place.name}.{uuid4().hex}{UNFINISHED}"), place) for place in wanted
        ]
        with ThreadPoolExecutor(min(SYNCING_THREADS, len(wanted))) as pool:
            list(pool.map(_write, (staged for staged, _ in self._staged), wanted.values()))

    def adopt(self) -> None:
        """Durable when it returns."""
        folders = {place.parent for _, place in self._staged}
        folders |= {folder.parent for folder in folders}
        with ThreadPoolExecutor(min(SYNCING_THREADS, len(self._staged))) as pool:
            list(pool.map(_rename, self._staged))
            list(pool.map(sync, folders))


def _rename(staged: tuple[Path, Path]) -> None:
    unfinished, place = staged
    unfinished.replace(place)


def _write(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    sync(file)
