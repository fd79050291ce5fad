"""The size of a request's body, by what really arrives, whatever Content-Length says."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import STATUSES, problem


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
