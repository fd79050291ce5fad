"""Which parts of a picture match words: from an item and a text to a map, and its response.

The picture is decoded in a process of its own, the text embedded as a search's would be, and the
map made by the model's one worker in fair turns with everything else. A map is kept as embeddings
are, by the picture's content, the model's space and the text. Raises NoHeatError of a model that
has none, UnknownItemError, GoneError of a picture whose original cannot be read, ImageError of one
that cannot be decoded.
"""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from fastapi import Request, Response
from PIL import Image

from index.items import Item
from models.encoders import DualEncoder
from models.errors import NoHeatError
from models.heat import HeatAsked, HeatEncoder, Map, peak, scaled, surface
from service.asking import warning_of
from service.library import Library
from service.model.cache import Embedded, content_key, names_of
from service.model.encoding import Encoding
from service.model.once import Once
from service.pictures.files import ASK_AGAIN, headers_of, unchanged
from service.schemas.heatmaps import HeatmapAnswer, HeatmapQuery, Peak
from service.settings import Settings

KIND = "heat maps"
SHARE = 8  # a map takes about as much memory as so many pictures
PNG_SIDE = 256
COLOUR = (255, 96, 0)
DECIMALS = 4


@dataclass(frozen=True)
class Heated:
    """A map of an item, and whether the text was cut at its end."""

    item: Item
    map: Map
    cut: bool


class Heating:
    def __init__(
        self, encoder: DualEncoder, encoding: Encoding, library: Library, settings: Settings
    ) -> None:
        # tried here, before processes are forked, in which no forward pass can run
        seeing = encoder if isinstance(encoder, HeatEncoder) else None
        self._encoder = seeing if seeing is not None and seeing.has_heat else None
        self._encoding = encoding
        self._library = library
        self._spaces = names_of(encoder.spaces)
        self._once: Once[Embedded] = Once()
        self._maps = encoding.worker.batcher(
            KIND,
            self._run,
            max_batch=max(1, settings.max_batch // SHARE),
            max_queue=settings.max_queue,
        )

    @property
    def model(self) -> str:
        return self._encoding.model

    async def item(self, item_id: str) -> Item:
        """Raises NoHeatError before anything is asked of the collection."""
        if self._encoder is None:
            raise self._none()
        return await self._library.item(item_id)

    def key(self, item: Item, text: str) -> bytes:
        words = text.encode("utf-8", "surrogatepass")
        return content_key(KIND, self._spaces, (item.content or item.id).encode(), words)

    async def heat(self, item: Item, text: str) -> Heated:
        key = self.key(item, text)
        held = self._encoding.cache.get(KIND, key)
        if held is None:
            held = await self._once.get(key, partial(self._make, item, text))
            self._encoding.cache.keep(key, held)
        return Heated(item, held.vector, held.cut)

    async def _make(self, item: Item, text: str) -> Embedded:
        data = await self._library.original(item.id)
        looks = await self._encoding.decoding.looks(data)
        (embedded,) = await self._encoding.texts([text])
        (ran,) = await self._maps.submit([HeatAsked(looks, embedded.vector)])
        return Embedded(np.ascontiguousarray(ran.result), embedded.cut)

    def _run(self, asked: Sequence[HeatAsked]) -> list[Map]:
        if self._encoder is None:
            raise self._none()
        return self._encoder.heat(asked)

    def _none(self) -> NoHeatError:
        return NoHeatError(f"{self.model}: this model gives no heat maps")


async def heatmap_response(
    item_id: str, query: HeatmapQuery, request: Request, heating: Heating
) -> Response:
    item = await heating.item(item_id)
    tag = f"{heating.key(item, query.text).hex()[:32]}-{query.format}"
    headers = headers_of(tag, ASK_AGAIN)
    answered = unchanged(request, headers)
    if answered is not None:
        return answered
    heated = await heating.heat(item, query.text)
    if query.format == "json":
        headers["Content-Type"] = "application/json"
        answer = await asyncio.to_thread(_answer, heated, heating.model, query.text)
        return Response(answer.model_dump_json(), headers=headers)
    headers["Content-Type"] = "image/png"
    return Response(await asyncio.to_thread(_png, heated), headers=headers)


def _answer(heated: Heated, model: str, text: str) -> HeatmapAnswer:
    x, y = peak(surface(heated.map, heated.item.width, heated.item.height))
    rows, columns = heated.map.shape
    return HeatmapAnswer(
        id=heated.item.id,
        model=model,
        rows=rows,
        columns=columns,
        grid=scaled(heated.map).astype(float).round(DECIMALS).tolist(),
        peak=Peak(x=round(x, DECIMALS), y=round(y, DECIMALS)),
        warnings=list(warning_of(text, heated.cut)),
    )


def _png(heated: Heated) -> bytes:
    """One colour, whose alpha is the heat."""
    shown = surface(heated.map, heated.item.width, heated.item.height)
    alpha = Image.fromarray((shown * 255).round().astype(np.uint8))
    scale = PNG_SIDE / max(alpha.size)
    size = (max(1, round(alpha.width * scale)), max(1, round(alpha.height * scale)))
    picture = Image.new("RGB", size, COLOUR)
    picture.putalpha(alpha.resize(size, Image.Resampling.BICUBIC))
    written = io.BytesIO()
    picture.save(written, "PNG", compress_level=6)
    return written.getvalue()
