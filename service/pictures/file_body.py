"""A file as a body that is read while it is sent: never more of it in memory than a part.

A file that is written to meanwhile ends the answer before its announced length, so that nobody
takes a mixture for the picture.
"""

from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from index.opened import Original
from service.pictures.byte_ranges import Span

PART_BYTES = 256 * 1024


class FileBody(StreamingResponse):
    """Closes the file, however the answer ends."""

    def __init__(
        self, original: Original, span: Span, status: int, headers: dict[str, str]
    ) -> None:
        self._original = original
        super().__init__(self._parts(span), status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._original.close()

    async def _parts(self, span: Span) -> AsyncIterator[bytes]:
        at = span.first
        while at <= span.last:
            count = min(PART_BYTES, span.last + 1 - at)
            part = await run_in_threadpool(self._original.part, at, count)
            if not part:
                return
            yield part
            at += len(part)
