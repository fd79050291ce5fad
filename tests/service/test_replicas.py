"""Two servers of one collection behind nginx, by the configuration that Pictor ships.

The collection is a folder, or in Milvus.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from index.milvus.address import parse_address
from index.milvus.publishing import publish
from tests.milvus.lite_server import lite_server
from tests.ports import free_port
from tests.service.conftest import IDS, PICTURES, Built
from tests.service.started import PATIENCE_S, REPOSITORY, Started, started

NGINX = shutil.which("nginx")
NEEDED = os.environ.get("PICTOR_TEST_NEEDS_NGINX") == "1"
CONFIGURATION = REPOSITORY / "configs" / "nginx.conf"
CALLERS = 6

PROGRAM = """
import sys
from index.served import open_collection
from service.serve import serve
from service.settings import Settings
from tests.fakes import ColourEncoder
place, port, kept = sys.argv[1:]
settings = Settings(collection=place, port=port, kept_folder=kept, threads=1)
serve(settings, open_collection(settings.collection), ColourEncoder())
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NGINX is None and not NEEDED, reason="nginx is not installed"),
]


@pytest.fixture(params=["folder", "milvus"])
def place(request: pytest.FixtureRequest, built: Built, tmp_path: Path) -> Iterator[str]:
    """Where the collection is."""
    if request.param == "folder":
        yield str(built.folder)
        return
    port = free_port()
    address = f"milvus://127.0.0.1:{port}/colours"
    with lite_server(tmp_path / "milvus", port):
        publish(built.folder, parse_address(address))
        yield address


@contextmanager
def nginx(place: Path, replicas: list[int]) -> Iterator[int]:
    """Its port; the shipped file with other addresses and places."""
    assert NGINX is not None, "nginx is not installed"
    port = free_port()
    text = CONFIGURATION.read_text()
    for was, now in [
        ("pictor-1:8000", f"127.0.0.1:{replicas[0]}"),
        ("pictor-2:8000", f"127.0.0.1:{replicas[1]}"),
        ("listen 8080", f"listen 127.0.0.1:{port}"),
        ("/tmp/", f"{place}/"),
    ]:
        assert was in text
        text = text.replace(was, now)
    (place / "nginx.conf").write_text(text)
    run_as = "user root;" if os.geteuid() == 0 else ""
    command = [NGINX, "-p", str(place), "-e", "stderr", "-c", str(place / "nginx.conf")]
    process = subprocess.Popen([*command, "-g", f"daemon off; {run_as}"])
    try:
        wait_listening(port)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def wait_listening(port: int) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), PATIENCE_S).close()
        except ConnectionRefusedError:
            assert time.monotonic() < give_up, "nginx does not listen"
            time.sleep(0.05)
        else:
            return


class Load:
    """Callers that ask one thing after another until they are told to stop."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CALLERS)]
        self.rounds = 0
        self.wrong: list[str] = []
        for thread in self._threads:
            thread.start()

    def wait_for(self, rounds: int) -> None:
        """So many more, from now on."""
        with self._changed:
            wanted = self.rounds + rounds
            assert self._changed.wait_for(
                lambda: self.rounds >= wanted or self.wrong, PATIENCE_S
            ), "no answers"

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _ask(self) -> None:
        while not self._stopped.is_set():
            try:
                wrong = one_round(self._port)
            except (OSError, http.client.HTTPException) as error:
                wrong = f"{type(error).__name__}: {error}"
            with self._changed:
                self.rounds += 1
                self.wrong += [wrong] if wrong else []
                self._changed.notify_all()


def one_round(port: int) -> str:
    """A text, its next page, a picture that is kept and asked with; empty where all is right."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        status, page = ask(connection, "/v1/search", {"text": "red", "limit": 2})
        if status != 200 or page["hits"][0]["id"] != IDS["red"]:
            return f"text: {status} {page}"
        following = {"text": "red", "limit": 2, "cursor": page["next_cursor"]}
        status, page = ask(connection, "/v1/search", following)
        if status != 200 or len(page["hits"]) != 2:
            return f"next page: {status} {page}"
        status, kept = send(connection, "/v1/pictures", PICTURES["blue.png"])
        if status != 201:
            return f"sent: {status} {kept}"
        status, page = ask(connection, "/v1/search", {"image": {"handle": kept["handle"]}})
        if status != 200 or page["hits"][0]["id"] != IDS["blue"]:
            return f"kept: {status} {page}"
    finally:
        connection.close()
    return ""


Reply = tuple[int, dict[str, Any]]


def ask(connection: http.client.HTTPConnection, path: str, content: object) -> Reply:
    return reply(connection, path, json.dumps(content).encode(), "application/json")


def send(connection: http.client.HTTPConnection, path: str, picture: bytes) -> Reply:
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="x.png"\r\n\r\n'
    body = head + picture + b"\r\n--x--\r\n"
    return reply(connection, path, body, "multipart/form-data; boundary=x")


def reply(connection: http.client.HTTPConnection, path: str, body: bytes, kind: str) -> Reply:
    connection.request("POST", path, body, {"Content-Type": kind})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_replicas_are_restarted_in_turn_under_load_and_no_request_fails(
    place: str, tmp_path: Path
) -> None:
    ports = [free_port(), free_port()]

    def replica(stack: ExitStack, number: int) -> Started:
        arguments = [place, str(ports[number]), str(tmp_path / "kept")]
        return stack.enter_context(started([sys.executable, "-c", PROGRAM, *arguments]))

    with ExitStack() as stack:
        replicas = [replica(stack, number) for number in range(2)]
        load = Load(stack.enter_context(nginx(tmp_path, ports)))
        stack.callback(load.stop)
        for number in range(2):
            load.wait_for(20)
            assert replicas[number].stop(signal.SIGTERM) == 0
            load.wait_for(20)
            replicas[number] = replica(stack, number)
        load.wait_for(20)
        load.stop()
        for each in replicas:
            assert each.stop(signal.SIGTERM) == 0
            assert "POST /v1/search 200" in each.log.text
    assert load.wrong == []
    assert load.rounds >= 100
