"""What holds for every request, whatever its route: host, size, time, headers.

Plain ASGI. `HostGuard` refuses names that are not this server's, which stops DNS rebinding.
`SizeLimit` counts what really arrives, whatever Content-Length says. `TimeLimit` gives a request up
with 504 unless its answer has begun. `SafeHeaders` lets no answer load anything from elsewhere.
"""

import asyncio
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import STATUSES, TIMEOUT, problem

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
ANY_HOST = "*"

SAFE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' blob: data:; script-src 'self'; style-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-site",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class SafeHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAFE_HEADERS.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, send_safe)


class HostGuard:
    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self.app = app
        self.allowed = LOCAL_HOSTS | {name.lower() for name in allowed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or ANY_HOST in self.allowed:
            await self.app(scope, receive, send)
            return
        host = host_name(Headers(scope=scope).get("host", ""))
        if host in self.allowed:
            await self.app(scope, receive, send)
            return
        detail = f"host {host!r} is not this server's; PICTOR_ALLOWED_HOSTS adds to those"
        await problem(STATUSES[421], detail)(scope, receive, send)


def host_name(header: str) -> str:
    """A Host header without its port: "[::1]:8000" -> "::1"."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


class SizeLimit:
    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and float(declared) > self.max_bytes:
            await problem(STATUSES[413], self._detail)(scope, receive, send)
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                # the one kind of exception that FastAPI lets through its reading of a body
                raise HTTPException(413, self._detail)
            return message

        await self.app(scope, receive_limited, send)

    @property
    def _detail(self) -> str:
        return f"the request's body is over the limit of {self.max_bytes} bytes"


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
