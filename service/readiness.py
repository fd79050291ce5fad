"""Whether the server really answers.

A part that did its work within the last `window_s`, and has not failed since, counts as ready. One
that has rested is tried: a text, a picture, a composition and a search go the way that every
request goes, each with a time limit. Nothing is tried while others wait: of a loaded server it
counts that its work gets done, so that overload doesn't look like failure. A worker that is gone
and a server that is starting or stopping are not ready, whatever they did lately. Raises
NotReadyError naming the parts that failed.
"""

import asyncio
import io
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from index.searching.hybrid import Extent
from models.composers.composer import Asked
from models.composers.registry import Composers
from models.errors import PictorError
from models.query import single
from service.draining import Drain
from service.errors import NotReadyError
from service.library import Library
from service.model.encoding import Encoding
from service.model.once import Once
from service.model.pulse import Pulse
from service.schemas.resources import Health
from service.settings import Settings

TINY_TEXT = "a red square"
OK = "ok"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """`progress` tells whether work of its kind gets done at all, when there is no time to try."""

    pulse: Pulse
    progress: Pulse
    loaded: Callable[[], bool]
    attempt: Callable[[], Awaitable[object]]


class Readiness:
    def __init__(
        self,
        encoding: Encoding,
        library: Library,
        composers: Composers,
        settings: Settings,
        drain: Drain,
    ) -> None:
        self._encoding = encoding
        self._library = library
        self._composers = composers
        self._drain = drain
        self._timeout_s = settings.ready_timeout_s
        self._window_s = settings.ready_window_s
        self._tiny_picture = _tiny_picture()
        self._once: Once[str] = Once()
        self._parts = self._made_parts()
        self._starting = False

    async def check(self) -> Health:
        if self._drain.begun:
            raise NotReadyError({"server": "stopping"})
        if self._starting:
            raise NotReadyError({"server": "starting"})
        states = await asyncio.gather(*(self._state(name) for name in self._parts))
        checks = dict(zip(self._parts, states, strict=True))
        checks["worker"] = self._encoding.worker.refusal or OK
        if any(state != OK for state in checks.values()):
            raise NotReadyError(checks)
        return Health(status="ready", checks=checks)

    async def warm_up(self) -> None:
        """The first query of each kind, so that it is nobody's; a failure is readiness's to say.

        Until it has ended the server is not ready.
        """
        self._starting = True
        try:
            await self._try_all()
        finally:
            self._starting = False

    async def _try_all(self) -> None:
        outcomes = await asyncio.gather(
            *(part.attempt() for part in self._parts.values()),
            self._library.warm_up(),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                log.error("warming up", exc_info=outcome)

    def _made_parts(self) -> dict[str, Part]:
        worker, pulses = self._encoding.worker, self._encoding.pulses

        def of_model(name: str, attempt: Callable[[], Awaitable[object]]) -> Part:
            return Part(pulses[name], worker.pulse, lambda: worker.loaded, attempt)

        library = self._library
        return {
            "texts": of_model("texts", lambda: self._encoding.try_text(TINY_TEXT)),
            "pictures": of_model(
                "pictures", lambda: self._encoding.try_picture(self._tiny_picture)
            ),
            "compositions": of_model("compositions", self._compose),
            "index": Part(library.pulse, library.pulse, lambda: library.loaded, self._search),
        }

    async def _state(self, name: str) -> str:
        part = self._parts[name]
        if part.pulse.fresh(self._window_s):
            return OK
        if not part.loaded():
            return await self._once.get(name, lambda: self._tried(part))
        if part.pulse.failing:
            return "failing"
        if part.progress.fresh(self._window_s):
            return OK
        return f"nothing done for {self._window_s:g} s"

    async def _tried(self, part: Part) -> str:
        try:
            async with asyncio.timeout(self._timeout_s):
                await part.attempt()
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s"
        except PictorError as error:
            return type(error).__name__
        except Exception:
            log.exception("readiness")
            return "failed"
        return OK

    async def _compose(self) -> None:
        spaces = self._encoding.spaces
        ones = {space: np.ones(space.dimension, dtype=np.float32) for space in spaces}
        asked = Asked(ones, (TINY_TEXT,))
        composer = self._composers.named()
        prompts = await self._encoding.prompts(composer, asked)
        await self._encoding.compose(composer, asked, prompts)

    async def _search(self) -> None:
        space = self._encoding.spaces[-1]
        anywhere = single(space, np.ones(space.dimension, dtype=np.float32))
        await self._library.find(anywhere, Extent(limit=1))


def _tiny_picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    return file.getvalue()
