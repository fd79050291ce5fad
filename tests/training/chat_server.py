"""A chat endpoint of our own that behaves as each test says, and remembers what it was asked."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from training.triplets.chat_config import ChatWriterConfig
from training.triplets.instructions import Described, DescribedPair

PAIR = (Described(caption="A dog runs."), Described(caption="A dog on a beach."))
PATIENCE_S = 20  # for which an answer that nobody waits for is held back, at most


class Exchange(BaseHTTPRequestHandler):
    """One question; `server` is the endpoint's."""

    protocol_version = "HTTP/1.0"
    server: "_Server"
    question = ""  # the last message's text

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        endpoint = self.server.endpoint
        with endpoint.lock:
            endpoint.asked.append(json.loads(body))
            self.question = endpoint.questions[-1]
            endpoint.headers.append(dict(self.headers))
            endpoint.paths.append(self.path)
            behave = endpoint.script.pop(0) if endpoint.script else endpoint.otherwise
        with contextlib.suppress(OSError):  # the other side may have gone
            behave(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)


Behaviour = Callable[[Exchange], None]


@dataclass
class Endpoint:
    address: str
    script: list[Behaviour] = field(default_factory=list)
    otherwise: Behaviour = field(default_factory=lambda: says("on a beach instead"))
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def questions(self) -> list[str]:
        return [asked["messages"][-1]["content"] for asked in self.asked]

    def slow(self, exchange: Exchange) -> None:
        """Answers only when the test is over."""
        self.released.wait(PATIENCE_S)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    endpoint: Endpoint


@contextlib.contextmanager
def running_endpoint() -> Iterator[Endpoint]:
    server = _Server(("127.0.0.1", 0), Exchange)
    endpoint = server.endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def completion(text: object, usage: object = None, **choice: object) -> bytes:
    message = {"role": "assistant", "content": text}
    content = {"choices": [{"index": 0, "finish_reason": "stop", "message": message, **choice}]}
    return json.dumps({**content, "usage": usage} if usage else content).encode()


def says(text: object, usage: object = None, **choice: object) -> Behaviour:
    return sends(completion(text, usage, **choice))


def sends(content: bytes) -> Behaviour:
    return lambda exchange: exchange.answer(200, content)


def fails(status: int, content: bytes = b"", **headers: str) -> Behaviour:
    return lambda exchange: exchange.answer(status, content, **headers)


def cut_off(exchange: Exchange) -> None:
    """Half of what it has announced."""
    content = completion("on a beach instead")
    exchange.send_response(200)
    exchange.send_header("Content-Length", str(len(content)))
    exchange.end_headers()
    exchange.wfile.write(content[: len(content) // 2])


def hangs_up(exchange: Exchange) -> None:
    exchange.connection.shutdown(socket.SHUT_RDWR)


def huge(exchange: Exchange) -> None:
    """Without an announced length, more than anyone would read."""
    exchange.send_response(200)
    exchange.end_headers()
    for _ in range(64):
        exchange.wfile.write(b" " * (1 << 16))


class Waits:
    """Takes down how long is to be waited, and does not."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def settings(endpoint: Endpoint, **more: object) -> ChatWriterConfig:
    usual = {"kind": "chat", "model": "small", "concurrency": 1, "timeout_s": 20, "retries": 2}
    return ChatWriterConfig.model_validate({"address": endpoint.address, **usual, **more})


def pairs(count: int) -> list[DescribedPair]:
    return [
        (PAIR[0], Described(caption=f"A dog beside {number} trees.")) for number in range(count)
    ]
