"""Admission lets in as many requests for the model as may be held, and refuses the rest at once.

The surplus gets 503 with Retry-After before its body is read, or as soon as it is there where it
came slowly: a caller counts from when its body is whole, so that slow senders keep nobody out. What
carries a picture is counted apart from what doesn't, so that a flood of one leaves room for the
other. Bodies count by their declared length, or by the longest where none is declared; together
they take `max_bytes` at most.
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import STATUSES, problem, retry_after
from service.telemetry.measures import Measures

FOR_THE_MODEL = (
    "/v1/search",
    "/v1/search/upload",
    "/v1/embeddings",
    "/v1/images",
    "/v1/pictures",
)
WORDS_BYTES = 16 * 1024  # a body without a picture is no longer, but for rare cursors


@dataclass(frozen=True)
class Capacity:
    requests: int  # of each of the two kinds
    bytes: int  # of bodies, of both together
    longest_body: int


class Admission:
    """`wait_s` says how long what waits already will take, about."""

    def __init__(
        self, app: ASGIApp, capacity: Capacity, wait_s: Callable[[], float], measures: Measures
    ) -> None:
        self.app = app
        self.capacity = capacity
        self.wait_s = wait_s
        self.measures = measures
        self.held = {"words": 0, "pictures": 0}
        self.held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not for_the_model(scope):
            await self.app(scope, receive, send)
            return
        size = self._size(scope)
        kind = "words" if size <= WORDS_BYTES else "pictures"
        if self._full(kind) or self.held_bytes + size > self.capacity.bytes:
            self.measures.refused(kind)
            refusal = problem(STATUSES[503], self._detail(kind), headers=self._later())
            await refusal(scope, receive, send)
            return
        await self._admit(scope, receive, send, kind=kind, size=size)

    async def _admit(
        self, scope: Scope, receive: Receive, send: Send, *, kind: str, size: int
    ) -> None:
        counted = 0

        async def receive_counted() -> Message:
            nonlocal counted
            message = await receive()
            whole = message["type"] == "http.request" and not message.get("more_body")
            if whole and not counted:
                if self._full(kind):
                    self.measures.refused(kind)
                    # the one kind of exception that FastAPI lets through its reading of a body
                    raise HTTPException(503, self._detail(kind), self._later())
                counted = 1
                self.held[kind] += 1
            return message

        self.held_bytes += size
        try:
            await self.app(scope, receive_counted, send)
        finally:
            self.held[kind] -= counted
            self.held_bytes -= size

    def _full(self, kind: str) -> bool:
        return self.held[kind] >= self.capacity.requests

    def _size(self, scope: Scope) -> int:
        declared = Headers(scope=scope).get("content-length", "")
        longest = self.capacity.longest_body
        if not declared.isdecimal() or len(declared) > len(str(longest)):
            return longest
        return min(int(declared), longest)

    def _detail(self, kind: str) -> str:
        return f"{self.held[kind]} requests are held already"

    def _later(self) -> dict[str, str]:
        return {"Retry-After": retry_after(self.wait_s())}


def for_the_model(scope: Scope) -> bool:
    return scope["method"] == "POST" and scope["path"] in FOR_THE_MODEL
