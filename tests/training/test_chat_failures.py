"""An endpoint that misbehaves is asked again where that may help, and told about where not."""

from email.utils import formatdate
from pathlib import Path

import pytest

from models.errors import InputError
from tests.training.chat_server import (
    PAIR,
    Behaviour,
    Endpoint,
    Waits,
    cut_off,
    fails,
    hangs_up,
    huge,
    pairs,
    running_endpoint,
    says,
    sends,
    settings,
)
from training.triplets import chat_client
from training.triplets.chat_client import ChatClient
from training.triplets.chat_config import request_body
from training.triplets.chat_writer import ChatWriter, backoff_s


@pytest.mark.parametrize(
    ("misbehaviour", "reason"),
    [
        (sends(b"{ not json"), chat_client.MALFORMED),
        (sends(b"[" * 100_000), chat_client.MALFORMED),
        (sends(b"[]"), chat_client.MALFORMED),
        (sends(b'{"choices": []}'), chat_client.MALFORMED),
        (sends(b'{"choices": [{"message": null}]}'), chat_client.MALFORMED),
        (says(None), chat_client.MALFORMED),
        (says(17), chat_client.MALFORMED),
        (huge, chat_client.OVERSIZED),
        (cut_off, chat_client.CUT_OFF),
        (hangs_up, chat_client.CUT_OFF),
        (fails(429, Retry_After="0"), "answered 429 Too Many Requests"),
        (fails(408), "answered 408 Request Timeout"),
        (fails(500), "answered 500 Internal Server Error"),
        (fails(503), "answered 503 Service Unavailable"),
        (fails(529), "answered 529"),
    ],
)
def test_what_may_pass_is_asked_again_then_counted(
    endpoint: Endpoint, tmp_path: Path, waits: Waits, misbehaviour: Behaviour, reason: str
) -> None:
    writer = ChatWriter(settings(endpoint), tmp_path / "answers.jsonl", wait=waits)
    endpoint.script = [misbehaviour, misbehaviour]
    assert writer.write([PAIR]) == ["on a beach instead"]
    assert not writer.refused and len(endpoint.asked) == 3 and len(waits.seconds) == 2

    endpoint.script = [misbehaviour] * 3
    assert writer.write([(PAIR[1], PAIR[0])]) == [None]
    assert writer.refused == {reason: 1} and len(endpoint.asked) == 6


def test_an_answer_that_takes_too_long_is_asked_for_again(
    endpoint: Endpoint, tmp_path: Path, waits: Waits
) -> None:
    config = settings(endpoint, timeout_s=0.2, retries=0)
    endpoint.script = [endpoint.slow]
    writer = ChatWriter(config, tmp_path / "answers.jsonl", wait=waits)
    assert writer.write([PAIR]) == [None]
    assert writer.refused == {chat_client.TIMED_OUT: 1}


def test_a_body_that_trickles_is_given_up_at_the_timeout(endpoint: Endpoint) -> None:
    ticks = iter(range(1000))
    client = ChatClient(endpoint.address, 5, clock=lambda: float(next(ticks)))
    endpoint.script = [huge]
    config = settings(endpoint)
    assert client.ask(request_body(config, PAIR)).failure == chat_client.TIMED_OUT


def test_an_endpoint_that_is_not_there_is_no_connection(tmp_path: Path, waits: Waits) -> None:
    with running_endpoint() as gone:
        pass
    writer = ChatWriter(settings(gone), tmp_path / "answers.jsonl", wait=waits)
    assert writer.write([PAIR]) == [None]
    assert writer.refused == {chat_client.NO_CONNECTION: 1} and len(waits.seconds) == 2


@pytest.mark.parametrize(
    ("asked_for", "seconds"),
    [("0", 0.0), ("7", 7.0), ("0.5", 0.5), (formatdate(0, usegmt=True), 0.0)],
)
def test_what_retry_after_says_is_waited(
    endpoint: Endpoint, tmp_path: Path, waits: Waits, asked_for: str, seconds: float
) -> None:
    endpoint.script = [fails(429, Retry_After=asked_for)]
    writer = ChatWriter(settings(endpoint), tmp_path / "answers.jsonl", wait=waits)
    assert writer.write([PAIR]) == ["on a beach instead"] and waits.seconds == [seconds]


def test_a_writer_that_is_given_no_wait_waits_itself(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.script = [fails(429, Retry_After="0")]
    writer = ChatWriter(settings(endpoint), tmp_path / "answers.jsonl")
    assert writer.write([PAIR]) == ["on a beach instead"] and len(endpoint.asked) == 2


@pytest.mark.parametrize("asked_for", ["soon", "nan", "-1", "inf"])
def test_a_retry_after_that_says_nothing_leaves_the_usual_wait(
    endpoint: Endpoint, tmp_path: Path, waits: Waits, asked_for: str
) -> None:
    endpoint.script = [fails(503, Retry_After=asked_for)]
    ChatWriter(settings(endpoint), tmp_path / "answers.jsonl", wait=waits).write([PAIR])
    assert 0.375 <= waits.seconds[0] <= 0.5


def test_a_wait_longer_than_allowed_is_not_waited(
    endpoint: Endpoint, tmp_path: Path, waits: Waits
) -> None:
    endpoint.script = [fails(429, Retry_After="3600")]
    config = settings(endpoint, longest_wait_s=60)
    writer = ChatWriter(config, tmp_path / "answers.jsonl", wait=waits)
    assert writer.write([PAIR]) == [None] and waits.seconds == [] and len(endpoint.asked) == 1


def test_waits_double_up_to_eight_seconds_less_a_quarter_at_most() -> None:
    for attempt, longest in enumerate([0.5, 1, 2, 4, 8, 8, 8]):
        assert 0.75 * longest <= backoff_s("key", attempt) <= longest


def test_a_question_that_the_endpoint_refuses_is_counted_once_another_was_answered(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    endpoint.script = [says("on a beach instead"), *[fails(400)] * 25]
    writer = ChatWriter(settings(endpoint), tmp_path / "answers.jsonl")
    assert writer.write(pairs(26)) == ["on a beach instead"] + [None] * 25
    assert writer.refused == {"answered 400 Bad Request": 25} and len(endpoint.asked) == 26


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (fails(401), "answered 401 Unauthorized"),
        (fails(404, b'{"error": {"code": "model_not_found"}}'), r"\(model_not_found\)"),
        (fails(302, Location="http://127.0.0.1:1/elsewhere"), "answered 302 Found"),
    ],
)
def test_a_refused_configuration_ends_the_run_and_keeps_the_answers(
    endpoint: Endpoint, tmp_path: Path, behaviour: Behaviour, told: str
) -> None:
    endpoint.script = [says("with no trees"), behaviour]
    writer = ChatWriter(settings(endpoint), tmp_path / "answers.jsonl")
    with pytest.raises(InputError, match=told):
        writer.write(pairs(5))
    assert writer.write(pairs(1)) == ["with no trees"] and len(endpoint.asked) == 2


@pytest.mark.parametrize("behaviour", [fails(400), fails(500)])
def test_nothing_but_failures_ends_the_run(
    endpoint: Endpoint, tmp_path: Path, behaviour: Behaviour
) -> None:
    endpoint.otherwise = behaviour
    writer = ChatWriter(settings(endpoint, retries=0), tmp_path / "answers.jsonl")
    with pytest.raises(InputError, match="20 questions in a row failed"):
        writer.write(pairs(40))
    assert len(endpoint.asked) == 20
