import json
import signal
import socket
import sys
import urllib.request

import pytest

from models.errors import InputError
from service.serve import listen
from tests.service.conftest import Built
from tests.service.started import PATIENCE_S, started

PROGRAM = """
import sys
from pathlib import Path
from index.collection import Collection
from service.serve import serve
from service.settings import Settings
from tests.fakes import ColourEncoder
folder = Path(sys.argv[1])
serve(Settings(collection=folder, port=0, threads=1), Collection.open(folder), ColourEncoder())
"""


def test_a_server_logs_to_standard_error_and_stops_when_asked(built: Built) -> None:
    with started([sys.executable, "-W", "error", "-c", PROGRAM, str(built.folder)]) as server:
        with urllib.request.urlopen(f"{server.address}/readyz", timeout=PATIENCE_S) as response:
            assert json.load(response)["status"] == "ready"
            assert response.headers["server"] is None
        with urllib.request.urlopen(f"{server.address}/v1/collection?secret=1", timeout=PATIENCE_S):
            pass
        assert server.stop(signal.SIGINT) == 0
    log = server.log.text
    assert "GET /v1/collection 200" in log
    assert "secret" not in log  # a query string may hold cursors and signatures
    assert "GET /readyz 200" not in log  # probes that succeed are told at debug
    assert "Traceback" not in log


def test_an_address_in_use_is_said_plainly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1 port {port}"):
            listen("127.0.0.1", port)


def test_port_0_takes_a_free_one() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
