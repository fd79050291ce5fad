"""Connections before they are requests: heads that grow, dawdle or make no sense.

uvicorn's own parser bounds neither the size of a request's head nor the time that it takes. Here a
head is at most `MAX_HEAD_BYTES` long, else 431, and is whole within `HEAD_TIMEOUT_S` of the
connection's beginning or of the answer before it, else 408 and the end. So is what is left of a
body that was answered before it came whole. What is no HTTP is answered as a problem, like all
else.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.problems import BAD_HTTP, HEAD_TOO_LARGE, HEAD_TOO_SLOW, Kind, problem

MAX_HEAD_BYTES = 64 * 1024
HEAD_TIMEOUT_S = 15.0


class BoundedConnection(HttpToolsProtocol):
    head_timeout_s = HEAD_TIMEOUT_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # what came with its end has been read, and was no larger than what is read at a time
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HEAD_TOO_LARGE, f"the request's head is over {MAX_HEAD_BYTES} bytes")

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        will_go_on = bool(self.pipeline)
        super().on_response_complete()
        if not will_go_on and not self.transport.is_closing():
            self._wait()

    def send_400_response(self, msg: str) -> None:
        self._refuse(BAD_HTTP, msg)

    def _wait(self) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(self.head_timeout_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        if self._head_bytes and self._in_head:
            detail = f"the request's head did not come within {self.head_timeout_s:g} s"
            self._refuse(HEAD_TOO_SLOW, detail)
        else:
            self.transport.close()

    def _refuse(self, kind: Kind, detail: str) -> None:
        if self.transport.is_closing():
            return
        response = problem(kind, detail, headers={"Connection": "close"})
        lines = [f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}".encode()]
        lines += [name + b": " + value for name, value in response.raw_headers]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        self.transport.close()
