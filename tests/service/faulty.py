"""A server in a process of its own, whose encoder fails as the requests tell it to.

Texts: "slow" takes SLOW_S, "broken" makes the forward pass raise, "deadly" ends the thread or the
process that it runs in, "large" does not fit the memory together with others. Pictures, by their
width: HANGING never ends, CRASHING kills its process, GREEDY asks for all memory there is.
"""

import http.client
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from models.errors import ModelMemoryError
from models.preprocess import Pixels
from models.vectors import Embeddings
from tests.fakes import WholeEncoder
from tests.service.started import PATIENCE_S, started

SLOW_S = 1.0
HANGING, CRASHING, GREEDY = 101, 103, 107

PROGRAM = """
import json, sys
from index.collection import Collection
from service.model.process import ModelProcess
from service.serve import serve
from service.settings import Settings
from tests.service.faulty import FaultyEncoder, limit_files
settings = json.loads(sys.argv[1])
limit_files(settings.pop("max_file_bytes", None))
apart = settings.pop("apart", False)
settings = Settings(**settings)
encoder = ModelProcess(FaultyEncoder(), 1) if apart else FaultyEncoder()
serve(settings, Collection.open(settings.collection), encoder)
"""


class FaultyEncoder(WholeEncoder):
    def prepare(self, image: Image.Image) -> Pixels:
        if image.width == HANGING:
            time.sleep(10 * PATIENCE_S)
        if image.width == CRASHING:
            os.kill(os.getpid(), signal.SIGSEGV)
        if image.width == GREEDY:
            bytearray(2**36)
        return super().prepare(image)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        said = " ".join(texts)
        if "slow" in said:
            time.sleep(SLOW_S)
        if "broken" in said:
            raise RuntimeError("CUDA error: the secret of /home/me")
        if "deadly" in said:
            raise SystemExit
        if "large" in said and len(texts) > 1:
            raise ModelMemoryError("cpu: a batch does not fit its memory")
        return super().encode_texts(texts)


def limit_files(max_bytes: int | None) -> None:
    """No file that this process writes grows beyond, as on a disk that is full."""
    if max_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes))


@dataclass(frozen=True)
class Reply:
    status_code: int
    headers: Mapping[str, str]
    body: bytes
    took_s: float

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:  # noqa: ANN401
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    process: "subprocess.Popen[str]"
    port: int

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def get(self, path: str) -> Reply:
        return self._ask("GET", path, None, {})

    def search(self, text: str) -> Reply:
        body = json.dumps({"text": text, "limit": 1}).encode()
        return self._ask("POST", "/v1/search", body, {"Content-Type": "application/json"})

    def upload(self, picture: bytes) -> Reply:
        body, boundary = form_of(picture)
        kind = f"multipart/form-data; boundary={boundary}"
        return self._ask("POST", "/v1/search/upload", body, {"Content-Type": kind})

    def add(self, picture: bytes) -> Reply:
        body, boundary = form_of(picture)
        kind = f"multipart/form-data; boundary={boundary}"
        return self._ask("POST", "/v1/images", body, {"Content-Type": kind})

    def metric(self, name: str) -> float:
        lines = self.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    def recovered_s(self, *, since: float) -> float:
        """From a time of `time.perf_counter` until a text is answered and the server is ready."""
        while time.perf_counter() - since < PATIENCE_S:
            if self.search("red").status_code == self.get("/readyz").status_code == 200:
                return time.perf_counter() - since
        raise AssertionError("the server has not recovered")

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        started, connection = time.perf_counter(), self.connect()
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            seen = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, seen, answer.read(), time.perf_counter() - started)
        finally:
            connection.close()


def form_of(picture: bytes) -> tuple[bytes, str]:
    boundary = "pictorboundary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
    return head.encode() + picture + f"\r\n--{boundary}--\r\n".encode(), boundary


@contextmanager
def serving(collection: Path, **settings: Any) -> Iterator[Server]:  # noqa: ANN401
    given = {"collection": str(collection), "port": 0, "threads": 2, **settings}
    command = [sys.executable, "-c", PROGRAM, json.dumps(given)]
    with started(command, ready=False) as server:
        yield Server(server.process, server.port)
