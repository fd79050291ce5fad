"""A server on a socket of this machine, in a thread, and plain connections to it."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

from service.guards.connections import BoundedConnection

PATIENCE_S = 60.0


@contextlib.contextmanager
def listening(
    app: ASGIApp,
    connection: type[BoundedConnection] = BoundedConnection,
    lifespan: Literal["on", "off"] = "off",
) -> Iterator[int]:
    """The port; the app's own lifespan is not run unless asked for."""
    config = uvicorn.Config(
        app, http=connection, ws="none", lifespan=lifespan, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        serving.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            serving.join(PATIENCE_S)


@contextlib.contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        yield connection


def everything(connection: socket.socket) -> bytes:
    """All that comes until the other side ends it, by whichever means."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65536):
            received += chunk
    return received
