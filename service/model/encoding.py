"""Words and picture files to raw embeddings and composed questions, off the event loop.

Pictures are decoded in processes and texts tokenised in threads, ahead of the model; then one
worker runs texts, pictures and compositions in fair turns, each kind of all callers together. What
several callers ask for at a time is computed once, and what was asked for lately is kept.
Raises InputError for what the model cannot take, ImageError for what is no picture or is over a
limit, OverloadedError when too many wait, UnavailableError when a worker is gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TypeVar

import numpy as np

from models.composers.composer import Asked, Composer
from models.crop import Crop
from models.decode import DecodeLimits
from models.device import limit_torch_threads
from models.encoders import DualEncoder, PictureEmbeddings, Prompt, by_space
from models.machine import available_threads
from models.preprocess import Pixels
from models.query import Question
from models.space import Space
from models.vectors import Embeddings, Vector
from service.model.batching import Batcher, Ran
from service.model.cache import Embedded, EmbeddingCache, content_key, names_of
from service.model.decoding import Decoding
from service.model.once import Once
from service.model.process import ModelProcess
from service.model.pulse import Pulse
from service.model.reading import Read, embed, read
from service.model.turns import Worker
from service.model.workers import Workers
from service.settings import Settings
from service.telemetry.measures import Measures, Stage, Unmeasured

T = TypeVar("T")
MODEL = "model"
HASHED_AT_ONCE_BYTES = 256 * 1024  # in a tenth of a millisecond or so
_NO_TEXTS = np.empty((0, 0), dtype=np.float32)


@dataclass(frozen=True)
class Composing:
    composer: Composer
    asked: Asked
    texts: Embeddings  # (prompts, dim)


@dataclass(frozen=True)
class Wanted:
    """One embedding that a caller asks for: what it is of, and how it is made."""

    kind: str
    key: bytes
    make: Callable[[], Awaitable["Made"]]


@dataclass(frozen=True)
class Made:
    embedded: Embedded
    decode_s: float
    queue_s: float
    forward_s: float


def _composed(waiting: Sequence[Composing]) -> list[Question]:
    """Each composer runs once, on all that wait for it."""
    questions: dict[int, Question] = {}
    for composer in dict.fromkeys(each.composer for each in waiting):
        mine = [n for n, each in enumerate(waiting) if each.composer == composer]
        asked, texts = [waiting[n].asked for n in mine], [waiting[n].texts for n in mine]
        questions |= zip(mine, composer.compose(asked, texts), strict=True)
    return [questions[n] for n in range(len(waiting))]


class Encoding:
    def __init__(
        self, encoder: DualEncoder, settings: Settings, measures: Measures | None = None
    ) -> None:
        self._encoder = encoder
        self._spaces = names_of(encoder.spaces)
        self._measures = measures or Unmeasured()
        self._share = min(settings.max_batch, settings.max_queue)
        threads = settings.threads or available_threads()
        self._apart = encoder if isinstance(encoder, ModelProcess) else None
        computing = 1 if self._apart else threads
        self.worker = Worker(
            MODEL, measures=self._measures, prepare=partial(limit_torch_threads, computing)
        )
        limits: dict[str, int] = {"max_batch": settings.max_batch, "max_queue": settings.max_queue}
        self._texts: Batcher[Read, Vector] = self.worker.batcher(
            "texts", partial(embed, encoder), **limits
        )
        self._pictures: Batcher[Pixels, Vector] = self.worker.batcher(
            "pictures", encoder.encode_images, **limits
        )
        self._compositions: Batcher[Composing, Question] = self.worker.batcher(
            "compositions", _composed, **limits
        )
        self._readers = Workers(
            "tokenising", threads=threads, max_queue=settings.max_queue, measures=self._measures
        )
        self.decoding = Decoding(
            encoder,
            DecodeLimits(settings.max_request_bytes, settings.max_pixels),
            count=threads,
            max_queue=settings.max_queue,
            timeout_s=settings.decode_timeout_s,
            measures=self._measures,
        )
        self._once: Once[Made] = Once()
        self.cache = EmbeddingCache(settings.cache_bytes, self._measures)

    @property
    def spaces(self) -> tuple[Space, ...]:
        """Texts are compared in the first, pictures in the last."""
        return self._encoder.spaces

    @property
    def model(self) -> str:
        return self.spaces[-1].model

    @property
    def pulses(self) -> dict[str, Pulse]:
        """Of each kind of work."""
        batchers = (self._texts, self._pictures, self._compositions)
        return {batcher.name: batcher.pulse for batcher in batchers}

    def start(self) -> None:
        self.decoding.start()
        if self._apart is not None:
            self._apart.start(lost=partial(self._measures.worker_restarted, MODEL))
        self.worker.start()

    def stop(self) -> None:
        self.worker.stop()
        if self._apart is not None:
            self._apart.stop()
        self.decoding.stop()
        self._readers.stop()

    async def texts(self, texts: Sequence[str]) -> list[Embedded]:
        """n texts -> n raw embeddings (dim,)."""
        return await self._embedded([self._text(Prompt(text)) for text in texts])

    async def pictures(
        self, files: Sequence[bytes], crop: Crop | None = None
    ) -> list[PictureEmbeddings]:
        """n picture files' bytes -> the raw embeddings of each, or of its crop, in every space."""
        wanted = [await self._picture(data, crop) for data in files]
        found = await self._embedded(wanted)
        return [by_space(each.vector, self.spaces) for each in found]

    async def prepared(self, pixels: Sequence[Pixels]) -> list[PictureEmbeddings]:
        """n pictures that were decoded and prepared already -> raw, in every space."""
        ran = await self._pictures.submit(pixels)
        self._observe([(0.0, each.queue_s, each.forward_s) for each in ran])
        return [by_space(each.result.copy(), self.spaces) for each in ran]

    async def prompts(self, composer: Composer, asked: Asked) -> Sequence[Prompt]:
        return await self._readers.run(composer.prompts, asked)

    async def cut(self, text: str) -> bool:
        """Whether it is longer than what the model reads of it."""
        return (await self._readers.run(self._encoder.overlong, [text]))[0]

    async def compose(
        self, composer: Composer, asked: Asked, prompts: Sequence[Prompt]
    ) -> tuple[Question, bool]:
        """And whether a prompt was cut."""
        found = await self._embedded([self._text(prompt) for prompt in prompts])
        texts = np.stack([each.vector for each in found]) if found else _NO_TEXTS
        (ran,) = await self._compositions.submit([Composing(composer, asked, texts)])
        self._observe([(0.0, ran.queue_s, ran.forward_s)])
        return ran.result, any(each.cut for each in found)

    async def try_picture(self, data: bytes) -> None:
        """A forward pass that nothing is known of beforehand."""
        await self._make_picture(data, None)

    async def try_text(self, text: str) -> None:
        await self._make_text(Prompt(text))

    async def _embedded(self, wanted: Sequence[Wanted]) -> list[Embedded]:
        """Of each, in their order; one caller has at most one batch waiting at a time."""
        found: dict[bytes, Embedded] = {}
        missing: dict[bytes, Wanted] = {}
        for each in wanted:
            held = self.cache.get(each.kind, each.key)
            if held is None:
                missing[each.key] = each
            else:
                found[each.key] = held
        for share in self._shares(list(missing.values())):
            made = await asyncio.gather(*(self._once.get(e.key, e.make) for e in share))
            self._observe([(each.decode_s, each.queue_s, each.forward_s) for each in made])
            for each, its in zip(share, made, strict=True):
                found[each.key] = its.embedded
                self.cache.keep(each.key, its.embedded)
        return [found[each.key] for each in wanted]

    def _shares(self, requests: Sequence[T]) -> Iterator[Sequence[T]]:
        for start in range(0, len(requests), self._share):
            yield requests[start : start + self._share]

    def _text(self, prompt: Prompt) -> Wanted:
        word = b"" if prompt.word is None else prompt.word.tobytes()
        text = prompt.text.encode("utf-8", "surrogatepass")
        key = content_key("text", self._spaces, text, word, prompt.symbol.encode())
        return Wanted("texts", key, partial(self._make_text, prompt))

    async def _picture(self, data: bytes, crop: Crop | None) -> Wanted:
        parts = (self._spaces, data, repr(crop).encode())
        if len(data) < HASHED_AT_ONCE_BYTES:
            key = content_key("picture", *parts)
        else:
            key = await self._readers.run(content_key, "picture", *parts)
        return Wanted("pictures", key, partial(self._make_picture, data, crop))

    async def _make_text(self, prompt: Prompt) -> Made:
        started = perf_counter()
        text = await self._readers.run(read, self._encoder, prompt)
        read_s = perf_counter() - started
        (ran,) = await self._texts.submit([text])
        return _made(ran, read_s, text.cut)

    async def _make_picture(self, data: bytes, crop: Crop | None) -> Made:
        started = perf_counter()
        pixels = await self.decoding.pixels(data, crop)
        decode_s = perf_counter() - started
        (ran,) = await self._pictures.submit([pixels])
        return _made(ran, decode_s)

    def _observe(self, seconds: Sequence[tuple[float, float, float]]) -> None:
        """Of what ran side by side the longest is what the request waited for."""
        for stage, each in zip(
            (Stage.DECODE, Stage.QUEUE, Stage.FORWARD), zip(*seconds, strict=True), strict=True
        ):
            self._measures.observe_stage(stage, max(each))


def _made(ran: Ran[Vector], decode_s: float, cut: bool = False) -> Made:
    vector = ran.result.copy()  # a row alone, which does not hold its whole batch
    vector.setflags(write=False)
    return Made(Embedded(vector, cut), decode_s, ran.queue_s, ran.forward_s)
