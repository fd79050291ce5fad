"""Words and picture files to raw embeddings and composed questions, off the event loop.

Pictures are decoded and prepared by a few threads, then share forward passes; texts share theirs,
and so do the callers of one composer.
Raises InputError for what the model cannot take, ImageError for what is no picture or is over a
limit, OverloadedError when too many wait, UnavailableError when a worker is gone.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from models.composers.composer import Asked, Composer
from models.crop import Crop
from models.decode import DecodeLimits, decode
from models.device import available_threads
from models.encoders import DualEncoder, PictureEmbeddings, Prompt, by_space, encode_prompts
from models.preprocess import Pixels
from models.query import Question
from models.space import Space
from models.vectors import Embeddings, Vector
from service.batching import Batcher
from service.settings import Settings
from service.workers import Workers

T = TypeVar("T")
_NO_TEXTS = np.empty((0, 0), dtype=np.float32)


@dataclass(frozen=True)
class Composing:
    composer: Composer
    asked: Asked
    texts: Embeddings  # (prompts, dim)


def _composed(waiting: Sequence[Composing]) -> list[Question]:
    """Each composer runs once, on all that wait for it."""
    questions: dict[int, Question] = {}
    for composer in dict.fromkeys(each.composer for each in waiting):
        mine = [n for n, each in enumerate(waiting) if each.composer == composer]
        asked, texts = [waiting[n].asked for n in mine], [waiting[n].texts for n in mine]
        questions |= zip(mine, composer.compose(asked, texts), strict=True)
    return [questions[n] for n in range(len(waiting))]


class Encoding:
    def __init__(self, encoder: DualEncoder, settings: Settings) -> None:
        self._encoder = encoder
        self._limits = DecodeLimits(settings.max_request_bytes, settings.max_pixels)
        self._share = min(settings.max_batch, settings.max_queue)
        limits: dict[str, int] = {"max_batch": settings.max_batch, "max_queue": settings.max_queue}
        self._texts: Batcher[Prompt, Vector] = Batcher(
            "texts", lambda prompts: encode_prompts(encoder, prompts), **limits
        )
        self._pictures: Batcher[Pixels, Vector] = Batcher(
            "pictures", encoder.encode_images, **limits
        )
        self._compositions: Batcher[Composing, Question] = Batcher(
            "compositions", _composed, **limits
        )
        threads = settings.threads or available_threads()
        self._decoders = Workers("decoding", threads=threads, max_queue=settings.max_queue)

    @property
    def spaces(self) -> tuple[Space, ...]:
        """Texts are compared in the first, pictures in the last."""
        return self._encoder.spaces

    @property
    def model(self) -> str:
        return self.spaces[-1].model

    def start(self) -> None:
        for batcher in (self._texts, self._pictures, self._compositions):
            batcher.start()

    def stop(self) -> None:
        for batcher in (self._texts, self._pictures, self._compositions):
            batcher.stop()
        self._decoders.stop()

    async def texts(self, texts: Sequence[str]) -> list[Vector]:
        """n texts -> n raw embeddings (dim,)."""
        return await self._embedded([Prompt(text) for text in texts])

    async def cut(self, texts: Sequence[str]) -> bool:
        """Whether any of the texts is longer than what the model reads of it."""
        return any(await self._decoders.run(self._encoder.overlong, texts))

    async def pictures(
        self, files: Sequence[bytes], crop: Crop | None = None
    ) -> list[PictureEmbeddings]:
        """n picture files' bytes -> the raw embeddings of each, or of its crop, in every space."""
        rows: list[Vector] = []
        for share in self._shares(files):
            decoding = (self._decoders.run(self._prepare, data, crop) for data in share)
            rows += await self._pictures.submit(await asyncio.gather(*decoding))
        return [by_space(row, self.spaces) for row in rows]

    async def prompts(self, composer: Composer, asked: Asked) -> Sequence[Prompt]:
        return await self._decoders.run(composer.prompts, asked)

    async def compose(
        self, composer: Composer, asked: Asked, prompts: Sequence[Prompt]
    ) -> Question:
        texts = np.stack(await self._embedded(prompts)) if prompts else _NO_TEXTS
        (question,) = await self._compositions.submit([Composing(composer, asked, texts)])
        return question

    async def _embedded(self, prompts: Sequence[Prompt]) -> list[Vector]:
        rows: list[Vector] = []
        for share in self._shares(prompts):
            rows += await self._texts.submit(share)
        return rows

    def _shares(self, requests: Sequence[T]) -> Iterator[Sequence[T]]:
        """One caller has at most one batch waiting at a time."""
        for start in range(0, len(requests), self._share):
            yield requests[start : start + self._share]

    def _prepare(self, data: bytes, crop: Crop | None) -> Pixels:
        if crop is None:
            return self._encoder.prepare(self._encoder.decode(data, self._limits))
        # of a picture that was read at a fraction of its size a crop would have little left
        return self._encoder.prepare(crop.of(decode(data, self._limits)))
