"""Pictures to search with, kept for a short time and named by a handle.

A handle cannot be guessed, and is good until `expires_at` unless newer pictures need its room: all
together are held to a number and to bytes, and the oldest leaves first. A picture is decoded once,
as it comes, within the limits of every upload; what is no picture is refused with ImageError and
not kept. Raises HandleGoneError for a handle that is not good any more, or never was.

In memory, as here, it is of one process: it does not outlive a restart, and no replica knows it
(service/pictures/kept_folder.py has those that replicas share). For one event loop.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from index.jobs.reading import Decoded
from models.errors import ImageError, ImageTooLargeError
from service.errors import HandleGoneError

MOST = 10_000
ENTRY_BYTES = 1_000  # of what holds a picture, beside its files
HANDLE_BYTES = 24  # 32 characters of base64


class Preparer(Protocol):
    async def prepare(self, data: bytes) -> Decoded: ...


@dataclass(frozen=True)
class KeptPicture:
    handle: str
    data: bytes
    thumbnail: bytes  # WebP
    width: int  # of the upright picture
    height: int
    expires_at: datetime
    ends: float  # the same, by the clock of `KeptPictures`

    @property
    def held_bytes(self) -> int:
        return len(self.data) + len(self.thumbnail) + ENTRY_BYTES


@dataclass(frozen=True)
class Limits:
    keep_s: float
    budget_bytes: int  # of all together
    most: int = MOST


class KeptPictures(Protocol):
    async def keep(self, data: bytes) -> KeptPicture: ...

    async def get(self, handle: str) -> KeptPicture: ...

    def left_s(self, picture: KeptPicture) -> float: ...


class KeptInMemory:
    def __init__(
        self, preparer: Preparer, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._preparer = preparer
        self._limits = limits
        self._clock = clock
        self._kept: OrderedDict[str, KeptPicture] = OrderedDict()  # oldest first
        self._bytes = 0

    @property
    def held_bytes(self) -> int:
        return self._bytes

    async def keep(self, data: bytes) -> KeptPicture:
        decoded = await self._preparer.prepare(data)
        picture = kept_picture(data, decoded, self._limits, now=self._clock())
        self._kept[picture.handle] = picture
        self._bytes += picture.held_bytes
        while self._bytes > self._limits.budget_bytes or len(self._kept) > self._limits.most:
            self._drop_oldest()
        # nobody's picture stays in memory because nobody else comes
        asyncio.get_running_loop().call_later(self._limits.keep_s, self._drop_expired)
        return picture

    async def get(self, handle: str) -> KeptPicture:
        self._drop_expired()
        if handle not in self._kept:
            raise gone()
        return self._kept[handle]

    def left_s(self, picture: KeptPicture) -> float:
        return max(0.0, picture.ends - self._clock())

    def _drop_expired(self) -> None:
        now = self._clock()
        while self._kept and next(iter(self._kept.values())).ends <= now:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, dropped = self._kept.popitem(last=False)
        self._bytes -= dropped.held_bytes


def kept_picture(data: bytes, decoded: Decoded, limits: Limits, *, now: float) -> KeptPicture:
    """Under a new handle; raises ImageTooLargeError for what would have no room."""
    if decoded.thumbnail is None:
        raise ImageError("no thumbnail could be made")
    picture = KeptPicture(
        handle=secrets.token_urlsafe(HANDLE_BYTES),
        data=data,
        thumbnail=decoded.thumbnail,
        width=decoded.item.width,
        height=decoded.item.height,
        expires_at=datetime.now(UTC) + timedelta(seconds=limits.keep_s),
        ends=now + limits.keep_s,
    )
    if picture.held_bytes > limits.budget_bytes:
        raise ImageTooLargeError("larger than all that is kept together (PICTOR_KEPT_BYTES)")
    return picture


def gone() -> HandleGoneError:
    return HandleGoneError("the picture of this handle is not kept any more: send it again")
