"""uvicorn's server, which lets what runs end before it stops, and warms up before it is asked.

The first SIGINT or SIGTERM begins the end: what is new is refused (`DrainGuard`), the requests that
run get their answers, and then, or after `drain_s`, the server stops. A second signal stops it at
once.
"""

import asyncio
import gc
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn

from service.draining import Drain

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        drain: Drain,
        *,
        drain_s: float,
        warm_up: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(config)
        self._drain = drain
        self._drain_s = drain_s
        self._stop_at = float("inf")
        self._warm_up = warm_up
        self.warming: asyncio.Future[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.warming = asyncio.ensure_future(self._settle())

    async def _settle(self) -> None:
        await self._warm_up()
        # what there is by now, torch's modules above all, stays until the end: each look of the
        # garbage collector at all of it would stop every thread for a tenth of a second and more
        gc.collect()
        gc.freeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._drain.begun:
            self.should_exit = self.force_exit = True
            return
        self._stop_at = time.monotonic() + self._drain_s
        self._drain.begin()

    async def on_tick(self, counter: int) -> bool:
        if self._drain.begun and (not self.server_state.tasks or time.monotonic() > self._stop_at):
            if self.server_state.tasks:
                log.warning("%d requests are given up", len(self.server_state.tasks))
            self.should_exit = True
        return await super().on_tick(counter)
