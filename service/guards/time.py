"""A request is given up unless its answer has begun in time: with 504, or with 408 where its body
has not come whole."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import TIMEOUT, TOO_SLOW, problem


class TimeLimit:
    def __init__(self, app: ASGIApp, timeout_s: float) -> None:
        self.app = app
        self.timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit, is_whole = asyncio.timeout(self.timeout_s), not has_body(Headers(scope=scope))

        async def receive_seen() -> Message:
            nonlocal is_whole
            message = await receive()
            is_whole = not message.get("more_body", False)
            return message

        async def send_in_time(message: Message) -> None:
            if message["type"] == "http.response.start":
                limit.reschedule(None)  # a slow reader of a large file is no failure
            await send(message)

        try:
            async with limit:
                await self.app(scope, receive_seen, send_in_time)
        except TimeoutError:
            if not limit.expired():
                raise
            kind, what = (TIMEOUT, "answer") if is_whole else (TOO_SLOW, "whole body")
            await problem(kind, f"no {what} within {self.timeout_s:g} s")(scope, receive, send)


def has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
