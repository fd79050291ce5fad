"""A caller who leaves takes the work along: what was asked of the model for nobody is not done.

From when the body is whole until the answer begins, a closed connection cancels the request. No
answer is made, since nobody is there for it.
"""

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.guards.admission import for_the_model


class Departures:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not for_the_model(scope):
            await self.app(scope, receive, send)
            return
        watch = _Watch(asyncio.current_task(), receive, send)
        try:
            await self.app(scope, watch.receive, watch.send)
        except asyncio.CancelledError:
            if not watch.left:
                raise
            watch.request.uncancel()
        finally:
            watch.end()


class _Watch:
    def __init__(
        self, request: "asyncio.Task[object] | None", receive: Receive, send: Send
    ) -> None:
        if request is None:
            raise RuntimeError("a request is answered outside of a task")
        self.request = request
        self.left = False
        self._receive = receive
        self._send = send
        self._answered = False
        self._watching: asyncio.Task[None] | None = None

    async def receive(self) -> Message:
        message = await self._receive()
        whole = message["type"] == "http.request" and not message.get("more_body")
        if whole and self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        return message

    async def send(self, message: Message) -> None:
        self._answered = True
        await self._send(message)

    def end(self) -> None:
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        with suppress(OSError):
            message = await self._receive()
            if message["type"] == "http.disconnect" and not self._answered:
                self.left = True
                self.request.cancel()
