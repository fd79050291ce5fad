"""Clients that never get as far as a request, on a real socket."""

import contextlib
import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from service.guards.connections import MAX_HEAD_BYTES, BoundedConnection
from tests.service.conftest import Serve
from tests.service.listening import connected, everything, listening

START = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
WHOLE = START + b"\r\n"


class Impatient(BoundedConnection):
    head_timeout_s = 0.2


@pytest.fixture
def port(client: TestClient) -> Iterator[int]:
    with listening(client.app) as port:
        yield port


@pytest.fixture
def impatient(serve: Serve) -> Iterator[int]:
    with listening(serve(request_timeout_s=0.5).app, Impatient) as port:
        yield port


def problem_in(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    content = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {content['status']} ".encode())
    return content["status"], content["code"]


def test_a_request_is_answered_and_the_next_on_the_same_connection(port: int) -> None:
    with connected(port) as connection:
        for _ in range(3):
            connection.sendall(WHOLE)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        connection.sendall(WHOLE * 2 + START + b"Connection: close\r\n\r\n")
        assert everything(connection).count(b"HTTP/1.1 200 OK\r\n") == 3


@pytest.mark.parametrize("grows", [b"X-A: aaaaaaaa\r\n", b"a"])
def test_a_head_that_grows_without_end_is_cut_off(port: int, grows: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(START + b"X-Long: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(200):  # 13 MB, of which it reads little
                connection.sendall(grows * (65536 // len(grows)))
        answer = everything(connection)
    # a connection that is reset before all was read may lose the answer
    assert answer == b"" or problem_in(answer) == (431, "head_too_large")


def test_a_head_that_is_long_and_ends_is_answered(port: int) -> None:
    filler = b"X-Long: " + b"a" * (MAX_HEAD_BYTES - 200) + b"\r\n"
    with connected(port) as connection:
        connection.sendall(START + filler + b"Connection: close\r\n\r\n")
        assert everything(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_head_just_over_the_limit_is_told_so(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(START + b"X-Long: " + b"a" * MAX_HEAD_BYTES)
        assert problem_in(everything(connection)) == (431, "head_too_large")


def test_a_head_that_dawdles_is_given_up(impatient: int) -> None:
    with connected(impatient) as connection:
        connection.sendall(START)
        assert problem_in(everything(connection)) == (408, "head_too_slow")


def test_a_connection_that_says_nothing_is_closed(impatient: int) -> None:
    with connected(impatient) as connection:
        assert everything(connection) == b""
    with connected(impatient) as connection:
        connection.sendall(WHOLE)
        assert everything(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_body_that_dawdles_is_given_up_and_its_connection_ends(impatient: int) -> None:
    head = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    )
    with connected(impatient) as connection:
        connection.sendall(head + b"{")
        assert problem_in(everything(connection)) == (408, "body_too_slow")


def test_a_body_that_goes_on_after_its_answer_is_not_waited_for(impatient: int) -> None:
    head = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
    )
    with connected(impatient) as connection:
        connection.sendall(head + b"{")
        assert problem_in(everything(connection)) == (413, "request_too_large")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS client at the wrong door
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\x00\x00\x00",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_as_a_problem(port: int, nonsense: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(nonsense)
        assert problem_in(everything(connection)) == (400, "bad_http")


def test_a_request_without_a_host_is_refused(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET /v1/collection HTTP/1.0\r\n\r\n")
        assert problem_in(everything(connection)) == (421, "host_not_allowed")
