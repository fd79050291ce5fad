"""Pictures that requests send or name, into the collection: fetched, decoded, embedded, written.

Each has an outcome of its own; one that cannot be taken keeps no other out. An outcome is there
when its picture is durable and every search sees it. At most `max_batch` are on their way at a
time, of all requests and jobs together.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from index.changes.adding import Addition, clean_path
from index.jobs.reading import Decoded
from models.encoders import PictureEmbeddings
from models.errors import ImageError, InputError, PictorError
from models.vectors import directed
from service.changes.preparing import Preparing
from service.changes.writing import Writing
from service.model.encoding import Encoding
from service.pictures.web import WebPictures


@dataclass(frozen=True)
class Sent:
    """A picture as a request gives it: its bytes, or where they are."""

    data: bytes | None = None
    url: str | None = None
    name: str | None = None
    caption: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """Of one picture: its item, or why there is none."""

    status: Literal["added", "known", "failed"]
    name: str | None
    id: str | None = None
    path: str | None = None
    error: PictorError | None = None


class Adding:
    def __init__(
        self,
        encoding: Encoding,
        preparing: Preparing,
        writing: Writing,
        web: WebPictures,
        *,
        at_once: int,
    ) -> None:
        self._encoding = encoding
        self.preparing = preparing
        self.writing = writing
        self._web = web
        self._places = asyncio.Semaphore(at_once)

    def start(self) -> None:
        self.preparing.start()

    def stop(self) -> None:
        self.preparing.stop()
        self.writing.stop()

    async def add(self, sent: Sequence[Sent]) -> list[Outcome]:
        """In their order."""
        return list(await asyncio.gather(*(self.add_one(each) for each in sent)))

    async def add_one(self, sent: Sent) -> Outcome:
        name = sent.name or sent.url
        try:
            async with self._places:
                added = await self.writing.add(await self._addition(sent))
        except PictorError as error:
            return Outcome("failed", name, error=error)
        return Outcome("added" if added.is_new else "known", name, added.id, added.path)

    async def _addition(self, sent: Sent) -> Addition:
        clean_path(sent.name or "")  # is refused before anything is done
        data = sent.data
        if data is None:
            if sent.url is None:
                raise InputError("expected a picture, or where it is")
            data = await self._web.fetch(sent.url)
        decoded = await self.preparing.prepare(data)
        return Addition(
            data,
            decoded.item,
            await self._embedded(decoded),
            decoded.thumbnail,
            sent.name or _last_part(sent.url),
            sent.caption,
            sent.metadata,
        )

    async def _embedded(self, decoded: Decoded) -> PictureEmbeddings:
        if decoded.pixels is None:
            raise ImageError("no pixels were read")
        (vectors,) = await self._encoding.prepared([decoded.pixels])
        if not all(directed(np.asarray(vector)[None]).all() for vector in vectors.values()):
            raise ImageError("the model's embedding of it has no direction")
        return vectors


def _last_part(url: str | None) -> str | None:
    """What a picture is called at its address."""
    if url is None:
        return None
    path = url.split("://", 1)[-1].partition("?")[0].partition("#")[0]
    return path.rstrip("/").rpartition("/")[2] or None
