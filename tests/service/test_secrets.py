"""No key and no session gets into a log, wherever a caller puts it."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.access.keys import hidden, make_key
from service.access.keys_file import KeysFile
from service.access.sessions import COOKIE
from service.telemetry.logs import JsonFormatter, TextFormatter
from tests.service.conftest import Serve


@pytest.fixture(params=[TextFormatter, JsonFormatter])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """All that is logged, at the level that tells most."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request.param())
    loggers = [logging.getLogger(name) for name in ("service", "uvicorn", "index", "models")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield stream
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_a_key_leaves_its_id_and_nothing_else_in_the_log(
    serve: Serve, written: io.StringIO, tmp_path: Path
) -> None:
    file = KeysFile(tmp_path / "keys.json")
    key, text = make_key("phone", {"read"})
    file.add(key)
    client = serve(keys_file=file.path, log_queries=True)
    wrong, by_header = make_key("wrong", {"read"})[1], {"X-API-Key": text}
    session = client.post("/v1/session", json={"key": text}).cookies[COOKIE]
    for each in (text, wrong):
        client.get("/v1/collection", headers={"Authorization": f"Bearer {each}"})
        client.get("/v1/collection", params={"api_key": each}, headers=by_header)
        client.get(f"/v1/images/{each}", headers=by_header)
        client.get(f"/{each}", headers=by_header)
        client.get("/v1/collection", headers={**by_header, "X-Request-ID": each})
        client.post("/v1/search", json={"text": each}, headers=by_header)
        client.post("/v1/session", json={"key": f"{each}!"})
        client.post("/v1/session", json={each: "x"})
    client.get("/v1/collection", params={COOKIE: session})
    logged = written.getvalue()
    assert logged.count("/v1/collection") >= 7
    assert key.id in logged
    for secret in (text, wrong, text.split("_", 2)[2], wrong.split("_", 2)[2], session):
        assert secret not in logged


def test_what_is_hidden_is_the_secret_alone() -> None:
    key, text = make_key("phone", {"read"})
    assert hidden(f"a {text}, b") == f"a pictor_{key.id}_***, b"
    assert hidden("pictor_ and nothing") == "pictor_ and nothing"
