"""Words and picture files to raw embeddings, off the event loop.

Pictures are decoded and prepared by a few threads, then share forward passes; texts share theirs.
Raises InputError for what the model cannot take, ImageError for what is no picture or is over a
limit, OverloadedError when too many wait, UnavailableError when a worker is gone.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import TypeVar

from models.decode import DecodeLimits, decode
from models.device import available_threads
from models.encoders import DualEncoder
from models.preprocess import Pixels
from models.space import Space
from models.vectors import Vector
from service.batching import Batcher
from service.settings import Settings
from service.workers import Workers

T = TypeVar("T")


class Encoding:
    def __init__(self, encoder: DualEncoder, settings: Settings) -> None:
        self._encoder = encoder
        self._limits = DecodeLimits(settings.max_request_bytes, settings.max_pixels)
        self._share = min(settings.max_batch, settings.max_queue)
        self._texts: Batcher[str, Vector] = Batcher(
            "texts",
            encoder.encode_texts,
            max_batch=settings.max_batch,
            max_queue=settings.max_queue,
        )
        self._pictures: Batcher[Pixels, Vector] = Batcher(
            "pictures",
            encoder.encode_images,
            max_batch=settings.max_batch,
            max_queue=settings.max_queue,
        )
        threads = settings.threads or available_threads()
        self._decoders = Workers("decoding", threads=threads, max_queue=settings.max_queue)

    @property
    def space(self) -> Space:
        return self._encoder.space

    def start(self) -> None:
        self._texts.start()
        self._pictures.start()

    def stop(self) -> None:
        self._texts.stop()
        self._pictures.stop()
        self._decoders.stop()

    async def texts(self, texts: Sequence[str]) -> list[Vector]:
        """n texts -> n raw embeddings (dim,)."""
        rows: list[Vector] = []
        for share in self._shares(texts):
            rows += await self._texts.submit(share)
        return rows

    async def pictures(self, files: Sequence[bytes]) -> list[Vector]:
        """n picture files' bytes -> n raw embeddings (dim,)."""
        rows: list[Vector] = []
        for share in self._shares(files):
            decoding = (self._decoders.run(self._prepare, data) for data in share)
            rows += await self._pictures.submit(await asyncio.gather(*decoding))
        return rows

    def _shares(self, requests: Sequence[T]) -> Iterator[Sequence[T]]:
        """One caller has at most one batch waiting at a time."""
        for start in range(0, len(requests), self._share):
            yield requests[start : start + self._share]

    def _prepare(self, data: bytes) -> Pixels:
        return self._encoder.prepare(decode(data, self._limits))
