"""Faults injected into a real server. With -s: what the client saw, and when all was well again."""

import io
import json
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fakes import picture_bytes
from tests.service.answers import found, problem
from tests.service.conftest import PICTURES, Built
from tests.service.faulty import (
    CRASHING,
    GREEDY,
    HANGING,
    SLOW_S,
    Reply,
    Server,
    form_of,
    serving,
)
from tests.service.started import PATIENCE_S

DECODE_TIMEOUT_S = 2.0


@pytest.fixture(scope="module", params=["thread", "process"])
def server(built: Built, request: pytest.FixtureRequest) -> Iterator[Server]:
    """Its model runs in a thread of the server, as on a GPU, or in a process of its own."""
    limits = {"decode_timeout_s": DECODE_TIMEOUT_S, "request_timeout_s": 20}
    with serving(built.folder, apart=request.param == "process", **limits) as running:
        yield running


def tell(fault: str, saw: str, recovered_s: float) -> None:
    print(f"| {fault} | {saw} | {1000 * recovered_s:.0f} ms |")


def seen(reply: Reply) -> str:
    return f"{reply.status_code} {problem(reply)[1]} after {1000 * reply.took_s:.0f} ms"


def sized(width: int) -> bytes:
    return picture_bytes("red", (width, 8))


def test_a_picture_that_hangs_its_decoder_costs_itself_alone(server: Server) -> None:
    with ThreadPoolExecutor(1) as callers:
        hanging = callers.submit(server.upload, sized(HANGING))
        while not hanging.done():
            assert found(server.search("red")) == ["red"]
            assert found(server.upload(PICTURES["blue.png"]))[0] == "blue"
    ended = time.perf_counter()
    reply = hanging.result()
    assert problem(reply) == (422, "invalid_image")
    assert f"longer than {DECODE_TIMEOUT_S:g} s" in reply.json()["detail"]
    tell("a picture that hangs its decoder", seen(reply), server.recovered_s(since=ended))


def test_pictures_that_hang_all_decoders_are_given_up_and_the_next_is_answered(
    server: Server,
) -> None:
    with ThreadPoolExecutor(4) as callers:
        hanging = [callers.submit(server.upload, sized(HANGING)) for _ in range(4)]
        assert found(server.search("red")) == ["red"]
        assert [problem(each.result())[0] for each in hanging] == [422] * 4
    assert found(server.upload(PICTURES["green.png"]))[0] == "green"


@pytest.mark.parametrize(
    ("fault", "width", "says"),
    [("crashes its decoder", CRASHING, "crashed"), ("asks for all memory", GREEDY, "memory")],
)
def test_a_picture_that_takes_its_decoder_along_costs_itself_alone(
    server: Server, fault: str, width: int, says: str
) -> None:
    reply = server.upload(sized(width))
    ended = time.perf_counter()
    assert problem(reply) == (422, "invalid_image")
    assert says in reply.json()["detail"]
    tell(f"a picture that {fault}", seen(reply), server.recovered_s(since=ended))
    assert found(server.upload(PICTURES["blue.png"]))[0] == "blue"


def test_a_failing_forward_pass_fails_its_own_callers_and_tells_nothing(server: Server) -> None:
    with ThreadPoolExecutor(8) as callers:
        slow = callers.submit(server.search, "slow red before a failure")
        others = [callers.submit(server.search, f"green {n}") for n in range(4)]
        broken = callers.submit(server.search, "broken red").result()
        assert found(slow.result()) == ["red"]
        assert [found(each.result()) for each in others] == [["green"]] * 4
    assert problem(broken) == (500, "internal_error")
    assert "secret" not in broken.text
    tell("a forward pass that fails", seen(broken), server.recovered_s(since=time.perf_counter()))


def test_a_batch_that_does_not_fit_the_memory_is_answered_in_parts(server: Server) -> None:
    with ThreadPoolExecutor(8) as callers:
        slow = callers.submit(server.search, "slow red before large ones")
        large = [callers.submit(server.search, f"large green {n}") for n in range(6)]
        replies = [each.result() for each in (slow, *large)]
    assert [found(each) for each in replies] == [["red"], *[["green"]] * 6]
    longest = max(reply.took_s for reply in replies)
    tell("a batch that does not fit the memory", f"200 after {1000 * longest:.0f} ms", 0)


def test_a_worker_that_is_killed_fails_its_callers_at_once_and_is_replaced(server: Server) -> None:
    restarts = server.metric("pictor_worker_restarts_total")
    reply = server.search("deadly red")
    ended = time.perf_counter()
    assert problem(reply) == (503, "unavailable")
    assert int(reply.headers["retry-after"]) >= 1
    tell("the model's thread or process is killed", seen(reply), server.recovered_s(since=ended))
    assert server.metric("pictor_worker_restarts_total") == restarts + 1


def test_a_pass_that_ends_the_models_process_costs_its_own_caller_alone(built: Built) -> None:
    with serving(built.folder, apart=True) as server, ThreadPoolExecutor(8) as callers:
        slow = callers.submit(server.search, "slow red before the end")
        others = [callers.submit(server.search, f"green {n}") for n in range(4)]
        deadly = callers.submit(server.search, "deadly blue").result()
        assert found(slow.result()) == ["red"]
        assert [found(each.result()) for each in others] == [["green"]] * 4
    assert problem(deadly) == (503, "unavailable")


def test_a_caller_who_leaves_is_dropped_before_the_forward_pass(server: Server) -> None:
    dropped = server.metric('pictor_dropped_total{kind="texts"}')
    until = time.monotonic() + PATIENCE_S
    while server.metric('pictor_dropped_total{kind="texts"}') == dropped:
        assert time.monotonic() < until
        leave_behind(server)
    tell("a client that leaves", "nothing; its text is never embedded", 0)


def leave_behind(server: Server) -> None:
    """While a slow text runs another comes and goes, unless the machine is too busy for that."""
    with ThreadPoolExecutor(1) as callers:
        slow = callers.submit(server.search, f"slow red {time.monotonic()}")
        time.sleep(SLOW_S / 4)
        leaver = server.connect()
        body = json.dumps({"text": f"nobody waits for this {time.monotonic()}"})
        leaver.request("POST", "/v1/search", body, {"Content-Type": "application/json"})
        time.sleep(SLOW_S / 4)
        leaver.close()
        assert found(slow.result()) == ["red"]


def test_a_slow_client_is_given_up_and_holds_nobody_up(built: Built) -> None:
    with serving(built.folder, request_timeout_s=3.0, max_queue=1, max_batch=1) as server:
        body, boundary = form_of(PICTURES["red.png"])
        head = (
            "POST /v1/search/upload HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: multipart/form-data; boundary={boundary}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
        started = time.perf_counter()
        for each in slow:
            each.settimeout(PATIENCE_S)
            each.sendall(head + body[:20])
        # more of them than may be held, and still there is room
        assert found(server.upload(PICTURES["blue.png"]))[0] == "blue"
        answers = [each.recv(4096).split(b"\r\n")[0] for each in slow]
        took_ms = 1000 * (time.perf_counter() - started)
        for each in slow:
            each.close()
        assert {answer.split()[1] for answer in answers} <= {b"408", b"504"}
        tell("a client that sends slowly", f"{answers[0].decode()[9:]} after {took_ms:.0f} ms", 0)


def test_a_collection_that_vanishes_is_told_and_comes_back(built: Built, tmp_path: Path) -> None:
    folder, away = tmp_path / "collection", tmp_path / "away"
    shutil.copytree(built.folder, folder)
    with serving(folder) as server:
        assert found(server.search("red")) == ["red"]
        folder.rename(away)
        reply = server.search("red")
        assert problem(reply) == (503, "collection_unavailable")
        assert str(tmp_path) not in reply.text
        assert problem(server.get("/readyz")) == (503, "not_ready")
        away.rename(folder)
        back = time.perf_counter()
        tell("a collection that vanishes", seen(reply), server.recovered_s(since=back))


@pytest.mark.parametrize("sides", [(512, 256), (1200, 800)])  # held in memory, and spooled
def test_a_full_disk_refuses_what_is_added_and_searches_go_on(
    built: Built, tmp_path: Path, sides: tuple[int, int]
) -> None:
    folder = tmp_path / "collection"
    shutil.copytree(built.folder, folder)
    with serving(folder, max_file_bytes=300_000) as server:
        reply = server.add(noise(sides))
        ended = time.perf_counter()
        assert problem(reply) == (507, "no_room")
        assert str(tmp_path) not in reply.text
        tell("a disk that is full", seen(reply), server.recovered_s(since=ended))
        assert server.add(picture_bytes((9, 9, 9))).status_code == 201


def noise(sides: tuple[int, int]) -> bytes:
    """A picture that no file format makes smaller."""
    drawn = np.random.default_rng(0).integers(0, 256, (sides[1], sides[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(drawn).save(file, "PNG")
    return file.getvalue()


def test_a_server_that_is_asked_to_stop_answers_what_runs_and_refuses_what_is_new(
    built: Built,
) -> None:
    with serving(built.folder) as server, ThreadPoolExecutor(4) as callers:
        running = [callers.submit(server.search, f"slow red {n}") for n in range(2)]
        until = time.monotonic() + PATIENCE_S
        while server.metric("pictor_requests_in_progress") < 3:  # this one is the third
            assert time.monotonic() < until
        kept = server.connect()
        server.process.send_signal(signal.SIGTERM)
        asked = time.perf_counter()
        refused = server.get("/readyz")
        assert problem(refused) == (503, "stopping")
        assert refused.headers["connection"] == "close"
        assert problem(server.search("red")) == (503, "stopping")
        assert server.get("/livez").status_code == 200
        assert [found(each.result()) for each in running] == [["red"]] * 2
        assert server.process.wait(PATIENCE_S) == 0
        kept.close()
        took = f"200 for what ran, {seen(refused)} for what came"
        tell("SIGTERM", took, time.perf_counter() - asked)


def test_a_request_that_never_ends_does_not_keep_the_server_from_stopping(built: Built) -> None:
    with serving(built.folder, request_timeout_s=1.0, decode_timeout_s=60) as server:
        with ThreadPoolExecutor(1) as callers:
            hanging = callers.submit(server.upload, sized(HANGING))
            until = time.monotonic() + PATIENCE_S
            while server.metric("pictor_requests_in_progress") < 2:
                assert time.monotonic() < until
            server.process.send_signal(signal.SIGTERM)
            assert problem(hanging.result()) == (504, "timeout")
        assert server.process.wait(PATIENCE_S) == 0


def test_slow_is_slower_than_the_tests_need() -> None:
    assert 0 < SLOW_S < DECODE_TIMEOUT_S
