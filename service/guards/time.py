"""A request is given up with 504 unless its answer has begun in time; its slow body counts."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import TIMEOUT, problem


class TimeLimit:
    def __init__(self, app: ASGIApp, timeout_s: float) -> None:
        self.app = app
        self.timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = asyncio.timeout(self.timeout_s)

        async def send_in_time(message: Message) -> None:
            if message["type"] == "http.response.start":
                limit.reschedule(None)  # a slow reader of a large file is no failure
            await send(message)

        try:
            async with limit:
                await self.app(scope, receive, send_in_time)
        except TimeoutError:
            if not limit.expired():
                raise
            detail = f"no answer within {self.timeout_s:g} s"
            await problem(TIMEOUT, detail)(scope, receive, send)
