import asyncio
import json

import pytest
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.guards.hosts import host_name
from service.guards.sizes import SizeLimit
from service.guards.time import TimeLimit
from tests.service.answers import found, problem
from tests.service.conftest import Serve

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "pictures.lan", "10.0.0.7:80"],
)
def test_a_host_that_is_this_server_is_answered(serve: Serve, host: str) -> None:
    client = serve(host="10.0.0.7", allowed_hosts=("Pictures.lan",))
    assert client.get("/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "10.0.0.7", "", "[::2]"]
)
def test_another_host_is_refused_whatever_it_asks_for(client: TestClient, host: str) -> None:
    for path in ("/", "/livez", "/v1/collection", "/nowhere"):
        response = client.get(path, headers={"Host": host})
        assert problem(response) == (421, "host_not_allowed")


def test_any_host_is_answered_where_that_is_allowed(serve: Serve) -> None:
    client = serve(allowed_hosts=("*",))
    assert client.get("/livez", headers={"Host": "pictures.example"}).status_code == 200


def test_a_port_is_no_part_of_a_hosts_name() -> None:
    assert [host_name(each) for each in ("A.b:80", "[::1]:80", "[::1]", "")] == [
        "a.b",
        "::1",
        "::1",
        "",
    ]


@pytest.mark.parametrize("path", ["/", "/livez", "/nowhere", "/v1/collection", "/docs"])
def test_no_answer_may_load_anything_from_elsewhere(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none';")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers


def test_a_request_over_the_limit_is_refused(serve: Serve) -> None:
    client = serve(max_request_bytes=2000)
    small = client.post("/v1/search", content=b'{"text": "red"}' + b" " * 1900, headers=JSON)
    assert found(small)[0] == "red"
    large = client.post("/v1/search", content=b'{"text": "red"}' + b" " * 2000, headers=JSON)
    assert problem(large) == (413, "request_too_large")
    upload = client.post("/v1/search/upload", files={"image": b"x" * 2000})
    assert problem(upload) == (413, "request_too_large")


def called(app: ASGIApp, headers: list[tuple[bytes, bytes]], chunks: list[bytes]) -> list[Message]:
    """What an app sends for a POST /v1/search whose body comes in these chunks; takes them."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/search",
        "raw_path": b"/v1/search",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), *headers],
    }

    async def call() -> None:
        await app(scope, receive, send)

    asyncio.run(call())
    return sent


@pytest.mark.parametrize("kind", [b"application/json", b"multipart/form-data; boundary=b"])
def test_a_body_that_lies_about_its_length_is_cut_off_at_the_limit(
    serve: Serve, kind: bytes
) -> None:
    client = serve(max_request_bytes=2000)
    chunks = [b" " * 600] * 10
    headers = [(b"content-type", kind), (b"content-length", b"15")]
    start, body = called(client.app, headers, chunks)
    assert start["status"] in {413, 415}
    if kind == b"application/json":
        assert json.loads(body["body"])["code"] == "request_too_large"
        assert len(chunks) == 6  # the fourth was over the limit, the rest was never asked for


def test_a_body_declared_too_large_is_not_even_begun(serve: Serve) -> None:
    client = serve(max_request_bytes=2000)
    chunks = [b" "]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"9" * 400)]
    start, _ = called(client.app, headers, chunks)
    assert start["status"] == 413
    assert len(chunks) == 1


def test_the_time_limit_ends_where_the_answer_begins() -> None:
    begun = asyncio.Event()

    async def slow_to_finish(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.05)  # longer than the limit
        await send({"type": "http.response.body", "body": b"whole"})

    sent: list[Message] = []
    scope: Scope = {"type": "http", "headers": []}

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    asyncio.run(TimeLimit(slow_to_finish, timeout_s=0.01)(scope, receive, send))
    assert begun.is_set()
    assert sent[-1]["body"] == b"whole"


def test_limits_leave_other_protocols_alone() -> None:
    seen: list[str] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        seen.append(scope["type"])

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(_: Message) -> None: ...

    asyncio.run(SizeLimit(TimeLimit(app, 1), 1)({"type": "lifespan"}, receive, send))
    assert seen == ["lifespan"]
