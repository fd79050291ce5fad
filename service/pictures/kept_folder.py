"""Pictures to search with, kept for a short time in a folder that replicas of the service share.

As service/pictures/kept_pictures.py keeps them in memory, but known to every process that has the
folder, a restarted one included: a file a picture, named by its handle, whose time of change is
when it ends. What has ended leaves with the next sending; of what is kept together the oldest
leaves first. Whoever can read the folder has the handles. Raises HandleGoneError, and what keeps
the folder from being written as index/changes/unwritable.py does.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from index.changes.unwritable import changing
from models.errors import CollectionError
from service.pictures.kept_pictures import (
    KeptInMemory,
    KeptPicture,
    KeptPictures,
    Limits,
    Preparer,
    gone,
    kept_picture,
)
from service.settings import Settings

SUFFIX = ".picture"
ABANDONED_S = 60.0  # since a file was begun that nobody has finished


@dataclass(frozen=True)
class KeptInFolder:
    folder: Path
    preparer: Preparer
    limits: Limits
    clock: Callable[[], float] = time.time

    async def keep(self, data: bytes) -> KeptPicture:
        decoded = await self.preparer.prepare(data)
        picture = kept_picture(data, decoded, self.limits, now=self.clock())
        await asyncio.to_thread(self._write, picture)
        return picture

    async def get(self, handle: str) -> KeptPicture:
        return await asyncio.to_thread(self._read, handle)

    def left_s(self, picture: KeptPicture) -> float:
        return max(0.0, picture.ends - self.clock())

    def _write(self, picture: KeptPicture) -> None:
        unfinished = self.folder / f"{picture.handle}.tmp"
        with changing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                unfinished.write_bytes(_packed(picture))
                os.utime(unfinished, (picture.ends, picture.ends))
                unfinished.replace(self._file(picture.handle))
            finally:
                unfinished.unlink(missing_ok=True)
            self._make_room()

    def _read(self, handle: str) -> KeptPicture:
        try:
            with self._file(handle).open("rb") as file:
                ends, packed = os.fstat(file.fileno()).st_mtime, file.read()
        except FileNotFoundError as error:
            raise gone() from error
        except OSError as error:
            raise CollectionError(f"{self.folder}: cannot be read: {error.strerror}") from error
        if ends <= self.clock():
            raise gone()
        return _unpacked(handle, packed, ends)

    def _make_room(self) -> None:
        kept = sorted(self._living())
        held = sum(size for _, size, _ in kept)
        for number, (_, size, file) in enumerate(kept):
            if held <= self.limits.budget_bytes and len(kept) - number <= self.limits.most:
                break
            file.unlink(missing_ok=True)
            held -= size

    def _living(self) -> Iterator[tuple[float, int, Path]]:
        """(when it ends, its bytes, its file); what has ended is removed. Others do so, too."""
        for file in self.folder.iterdir():
            try:
                found = file.stat()
            except FileNotFoundError:
                continue
            is_whole = file.suffix == SUFFIX
            if found.st_mtime + (0.0 if is_whole else ABANDONED_S) <= self.clock():
                file.unlink(missing_ok=True)
            elif is_whole:
                yield found.st_mtime, found.st_size, file

    def _file(self, handle: str) -> Path:
        return self.folder / f"{handle}{SUFFIX}"


def _packed(picture: KeptPicture) -> bytes:
    """A line of JSON, the thumbnail, the picture."""
    head = {
        "width": picture.width,
        "height": picture.height,
        "thumbnail_bytes": len(picture.thumbnail),
    }
    return json.dumps(head).encode() + b"\n" + picture.thumbnail + picture.data


def _unpacked(handle: str, packed: bytes, ends: float) -> KeptPicture:
    line, _, files = packed.partition(b"\n")
    head = json.loads(line)
    return KeptPicture(
        handle=handle,
        data=files[head["thumbnail_bytes"] :],
        thumbnail=files[: head["thumbnail_bytes"]],
        width=head["width"],
        height=head["height"],
        expires_at=datetime.fromtimestamp(ends, UTC),
        ends=ends,
    )


def keeping(settings: Settings, preparer: Preparer) -> KeptPictures:
    """In the folder that the settings name, or in memory."""
    limits = Limits(keep_s=settings.kept_s, budget_bytes=settings.kept_bytes)
    if settings.kept_folder is None:
        return KeptInMemory(preparer, limits)
    return KeptInFolder(settings.kept_folder.absolute(), preparer, limits)
