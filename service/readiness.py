"""Whether the server really answers.

A text, a picture and a composition of both go through the batchers that every request goes through,
and one search through the index, each with a time limit. Raises NotReadyError naming the parts that
failed.
"""

import asyncio
import io
import logging
from collections.abc import Awaitable

import numpy as np
from PIL import Image

from index.hybrid import Extent
from models.composers.composer import Asked
from models.composers.registry import Composers
from models.errors import PictorError
from models.query import single
from service.encoding import Encoding
from service.errors import NotReadyError
from service.library import Library
from service.resources import Health

TINY_TEXT = "a red square"

log = logging.getLogger(__name__)


class Readiness:
    def __init__(
        self, encoding: Encoding, library: Library, composers: Composers, timeout_s: float
    ) -> None:
        self._encoding = encoding
        self._library = library
        self._composers = composers
        self._timeout_s = timeout_s
        self._tiny_picture = _tiny_picture()

    async def check(self) -> Health:
        spaces = self._encoding.spaces
        ones = {space: np.ones(space.dimension, dtype=np.float32) for space in spaces}
        anywhere = single(spaces[-1], ones[spaces[-1]])
        parts: dict[str, Awaitable[object]] = {
            "texts": self._encoding.texts([TINY_TEXT]),
            "pictures": self._encoding.pictures([self._tiny_picture]),
            "compositions": self._compose(Asked(ones, (TINY_TEXT,))),
            "index": self._library.find(anywhere, Extent(limit=1)),
        }
        in_time = (asyncio.wait_for(part, self._timeout_s) for part in parts.values())
        outcomes = await asyncio.gather(*in_time, return_exceptions=True)
        checks = {name: self._state(outcome) for name, outcome in zip(parts, outcomes, strict=True)}
        if any(state != "ok" for state in checks.values()):
            raise NotReadyError(checks)
        return Health(status="ready", checks=checks)

    async def _compose(self, asked: Asked) -> None:
        composer = self._composers.named()
        prompts = await self._encoding.prompts(composer, asked)
        await self._encoding.compose(composer, asked, prompts)

    def _state(self, outcome: object) -> str:
        if isinstance(outcome, TimeoutError):
            return f"no answer within {self._timeout_s:g} s"
        if isinstance(outcome, PictorError):
            return type(outcome).__name__
        if isinstance(outcome, BaseException):
            log.error("readiness", exc_info=outcome)
            return "failed"
        return "ok"


def _tiny_picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    return file.getvalue()
