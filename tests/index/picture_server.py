"""A web server of our own, which behaves as each test says and remembers what it was asked."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "pictures.test"
# for HOST, signed by itself, good from 2020 to 2120
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1waWN0dXJl
cy50ZXN0MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAYMRYwFAYD
VQQDDA1waWN0dXJlcy50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzDvO
/KotrSugwEcrkz4LOj7Qgs1rJ6o+RNcjQyOcp7c4arBir0UukZG1e1cO91P2Oz2H
9MXIncItbr4Qvl4BMqNMMEowDwYDVR0TAQH/BAUwAwEB/zAYBgNVHREEETAPgg1w
aWN0dXJlcy50ZXN0MB0GA1UdDgQWBBRh3GqQC0xsRa+JrFg4+lbFqGf5MDAKBggq
hkjOPQQDAgNIADBFAiASBp05eaVBHK2uFbQTWLeZOt+wkhul5rTUy8Wa8Yxa5wIh
AKeAmSzps/P0qqqh9ahIyHoDdBmIiGO5dAcUShOMYQ1N
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXQLKHyoxk5/O2oFu
SDB1okIXitBQNTIuk17IcuT0C4ehRANCAATMO878qi2tK6DARyuTPgs6PtCCzWsn
qj5E1yNDI5yntzhqsGKvRS6RkbV7Vw73U/Y7PYf0xcidwi1uvhC+XgEy
-----END PRIVATE KEY-----
"""


class Exchange(BaseHTTPRequestHandler):
    server: "_Server"

    def do_GET(self) -> None:
        server = self.server.pictures
        with server.lock:
            server.asked.append((self.path, dict(self.headers)))
            behave = server.script.pop(0) if server.script else gives(b"picture")
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
class PictureServer:
    port: int = 0
    script: list[Behaviour] = field(default_factory=list)  # of each request; then a picture
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str = "/a.jpg", scheme: str = "http", host: str = HOST) -> str:
        return f"{scheme}://{host}:{self.port}{path}"


class _Server(ThreadingHTTPServer):
    pictures: PictureServer


def gives(content: bytes, status: int = 200, **headers: str) -> Behaviour:
    return lambda exchange: exchange.answer(status, content, **headers)


def sends(to: str, status: int = 302) -> Behaviour:
    return gives(b"", status, Location=to)


def raw(*parts: bytes) -> Behaviour:
    """These bytes and no others, then the end."""

    def behave(exchange: Exchange) -> None:
        for part in parts:
            exchange.wfile.write(part)

    return behave


def drips(server: PictureServer, first: bytes = b"") -> Behaviour:
    """A byte now and then, until the test is over."""

    def behave(exchange: Exchange) -> None:
        exchange.wfile.write(first)
        while not server.released.wait(0.02):
            exchange.wfile.write(b"x")

    return behave


@contextlib.contextmanager
def picture_server(tls: ssl.SSLContext | None = None) -> Iterator[PictureServer]:
    pictures = PictureServer()
    with _Server(("127.0.0.1", 0), Exchange) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.pictures, pictures.port = pictures, server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield pictures
        finally:
            pictures.released.set()
            server.shutdown()
            serving.join()


def server_tls(folder: Path) -> ssl.SSLContext:
    (folder / "server.pem").write_text(KEY + CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context
