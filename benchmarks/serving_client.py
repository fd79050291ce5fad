"""A lean HTTP/1.1 client, so that little of the cores' time is the client's own.

Connections stay open; a request is bytes that were made beforehand. `closed_loop`: so many clients,
each with one request at a time. `open_loop`: requests begin when they are due, whether or not those
before them are answered.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

HEAD_END = b"\r\n\r\n"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    retry_after: bool
    took_s: float
    ended: float  # of time.perf_counter


@dataclass
class Answers:
    """Of one load, with the seconds that it counts."""

    window_s: float
    answers: list[Answer] = field(default_factory=list)
    unanswered: int = 0

    def of(self, status: int) -> list[Answer]:
        return [answer for answer in self.answers if answer.status == status]

    def rate(self, status: int = 200) -> float:
        return len(self.of(status)) / self.window_s

    def percentile_ms(self, percent: float, status: int = 200) -> float:
        took = [answer.took_s for answer in self.of(status)]
        return float(np.percentile(took, percent)) * 1e3 if took else float("nan")


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._waiting: asyncio.Future[tuple[int, bool]] | None = None
        self._transport: asyncio.Transport | None = None
        self._leaves = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> tuple[int, bool]:
        """The status, and whether the answer says when to come back."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(HEAD_END)
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self._received) < end + len(HEAD_END) + length:
            return
        del self._received[: end + len(HEAD_END) + length]
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((int(head[9:12]), b"retry-after:" in head))

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionResetError("closed"))


async def connect(port: int) -> Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    return connection


async def closed_loop(
    port: int, requests: Callable[[], bytes], *, clients: int, seconds: float, settle_s: float
) -> Answers:
    """What ends within the last `seconds`, after so many have passed for the load to settle."""
    began = time.perf_counter()
    counted_from, until = began + settle_s, began + settle_s + seconds
    found = Answers(seconds)

    async def client() -> None:
        connection = await connect(port)
        while (started := time.perf_counter()) < until:
            status, later = await connection.ask(requests())
            ended = time.perf_counter()
            if counted_from <= ended < until:
                found.answers.append(Answer(status, later, ended - started, ended))
        connection.close()

    clients_run = [asyncio.create_task(client()) for _ in range(clients)]
    _, hanging = await asyncio.wait(clients_run, timeout=settle_s + seconds + PATIENCE_S)
    for task in hanging:
        task.cancel()
    found.unanswered = len(hanging)
    for task in set(clients_run) - hanging:
        task.result()
    return found


async def open_loop(
    port: int, requests: Callable[[], bytes], *, rate: float, seconds: float, settle_s: float
) -> Answers:
    """`rate` requests a second, evenly; each takes a connection that is free, or a new one."""
    free: list[Connection] = []
    found = Answers(seconds)
    began = time.perf_counter()
    counted_from = began + settle_s

    async def one(due: float) -> None:
        while free and not free[-1].open:
            free.pop()
        connection = free.pop() if free else await connect(port)
        status, later = await connection.ask(requests())
        ended = time.perf_counter()
        if due >= counted_from:
            found.answers.append(Answer(status, later, ended - due, ended))
        free.append(connection)

    tasks = []
    for number in range(int(rate * (settle_s + seconds))):
        due = began + number / rate
        if (ahead := due - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        tasks.append(asyncio.create_task(one(due)))
    _, hanging = await asyncio.wait(tasks, timeout=PATIENCE_S)
    for task in hanging:
        task.cancel()
    found.unanswered = len(hanging)
    for task in set(tasks) - hanging:
        task.result()
    for connection in free:
        connection.close()
    return found


def text_request(text: str) -> bytes:
    return _json_request({"text": text})


def picture_request(picture: bytes, text: str | None = None) -> bytes:
    boundary = b"b0undary"
    part = b"--" + boundary + b"\r\nContent-Disposition: form-data; name="
    body = part + b'"image"; filename="x.jpg"\r\n\r\n' + picture + b"\r\n"
    if text is not None:
        body += part + b'"text"\r\n\r\n' + text.encode() + b"\r\n"
    body += b"--" + boundary + b"--\r\n"
    kind = b"multipart/form-data; boundary=" + boundary
    return _request(b"/v1/search/upload", kind, body)


def _json_request(content: dict[str, object]) -> bytes:
    return _request(b"/v1/search", b"application/json", json.dumps(content).encode())


def _request(path: bytes, kind: bytes, body: bytes) -> bytes:
    lines: Sequence[bytes] = (
        b"POST " + path + b" HTTP/1.1",
        b"Host: localhost",
        b"Content-Type: " + kind,
        b"Content-Length: " + str(len(body)).encode(),
    )
    return b"\r\n".join(lines) + HEAD_END + body
