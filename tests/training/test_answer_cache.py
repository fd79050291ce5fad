"""What an endpoint has answered is paid for once, up to a cap, whatever ends the run."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.errors import InputError
from tests.training.chat_server import (
    PAIR,
    Endpoint,
    Waits,
    fails,
    pairs,
    says,
    sends,
    settings,
)
from training.triplets import chat_writer
from training.triplets.answer_cache import Answer, AnswerCache, Tokens
from training.triplets.chat_writer import ChatWriter

# a million tokens cost 10 in and 20 out: this answer costs 1
USAGE = {"prompt_tokens": 60_000, "completion_tokens": 20_000}
PRICES = {"input_price": 10, "output_price": 20}


def test_nothing_is_asked_once_the_cost_cap_is_reached(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.otherwise = says("on a beach instead", USAGE)
    config = settings(endpoint, **PRICES, cost_cap=3)
    writer = ChatWriter(config, tmp_path / "answers.jsonl")
    assert writer.write(pairs(5)) == ["on a beach instead"] * 3 + [None] * 2
    assert writer.refused == {chat_writer.COST_CAP: 2} and writer.cost == pytest.approx(3)
    assert len(endpoint.asked) == 3

    resumed = ChatWriter(config, tmp_path / "answers.jsonl")
    assert resumed.write(pairs(5)) == ["on a beach instead"] * 3 + [None] * 2
    assert len(endpoint.asked) == 3

    richer = ChatWriter(settings(endpoint, **PRICES, cost_cap=4), tmp_path / "answers.jsonl")
    assert richer.write(pairs(5))[3:] == ["on a beach instead", None]


def test_what_is_not_counted_is_estimated_by_characters(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.script = [says("in the sand!")]  # 12 characters: 3 tokens
    config = settings(endpoint, prompt="p" * 4000, examples=[], **PRICES)
    writer = ChatWriter(config, tmp_path / "answers.jsonl")
    writer.write([PAIR])
    question = len(endpoint.questions[0])
    tokens = -(-(4000 + question) // 4)
    assert writer.cost == pytest.approx((tokens * 10 + 3 * 20) / 1e6)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": -5},
        {"prompt_tokens": None, "completion_tokens": "many"},
        {"prompt_tokens": True},
        ["no"],
    ],
)
def test_a_count_that_is_none_is_estimated(
    endpoint: Endpoint, tmp_path: Path, usage: object
) -> None:
    endpoint.script = [says("in the sand!", usage)]
    writer = ChatWriter(settings(endpoint, **PRICES), tmp_path / "answers.jsonl")
    writer.write([PAIR])
    assert writer.cost > 60 / 1e6


def test_requests_without_an_answer_count_against_the_cap(
    endpoint: Endpoint, tmp_path: Path, waits: Waits
) -> None:
    endpoint.otherwise = sends(b"nonsense")
    config = settings(endpoint, prompt="p" * 400_000, **PRICES, cost_cap=2, retries=9)
    writer = ChatWriter(config, tmp_path / "answers.jsonl", wait=waits)
    assert writer.write([PAIR]) == [None] and writer.refused == {chat_writer.COST_CAP: 1}
    assert len(endpoint.asked) == 2 and writer.cost > 2  # 100,000 tokens and more are over 1


def test_a_kill_in_the_middle_loses_no_answer(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.script = [says("with no trees"), says("with one tree"), fails(500)]
    config = settings(endpoint)
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from training.triplets.chat_config import ChatWriterConfig\n"
        "from training.triplets.chat_writer import ChatWriter\n"
        "from training.triplets.instructions import Described\n"
        "config = ChatWriterConfig.model_validate_json(sys.argv[1])\n"
        "query = Described(caption='A dog runs.')\n"
        "targets = [Described(caption=f'A dog beside {n} trees.') for n in range(4)]\n"
        "writer = ChatWriter(config, Path(sys.argv[2]),\n"
        "    wait=lambda _: os.kill(os.getpid(), signal.SIGKILL))\n"
        "writer.write([(query, target) for target in targets])\n"
    )
    command = [sys.executable, "-c", script, config.model_dump_json(), str(tmp_path / "a.jsonl")]
    root = Path(__file__).parents[2]
    killed = subprocess.run(command, cwd=root, timeout=120, check=False)
    assert killed.returncode == -9 and len(endpoint.asked) == 3

    writer = ChatWriter(config, tmp_path / "a.jsonl")
    assert writer.write(pairs(4)) == ["with no trees", "with one tree", *["on a beach instead"] * 2]
    assert len(endpoint.asked) == 5


def test_the_end_of_a_line_that_a_kill_has_cut_off_is_dropped(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    file = tmp_path / "answers.jsonl"
    ChatWriter(settings(endpoint), file).write(pairs(2))
    first, second = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first + second[:-9])

    writer = ChatWriter(settings(endpoint), file)
    assert writer.write(pairs(2)) == ["on a beach instead"] * 2 and len(endpoint.asked) == 3
    assert file.read_bytes() == first + second


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"[]\n",
        b'{"key": "a"}\n',
        b'{"key": 1, "model": "m", "text": null, "reason": null, "tokens": [1, 2]}\n',
        b'{"key": "a", "model": "m", "text": null, "reason": null, "tokens": [1, "2"]}\n',
    ],
)
def test_any_other_line_that_cannot_be_read_is_an_error(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "answers.jsonl"
    with AnswerCache(file, "small") as cache:
        cache.keep("key", Answer("on a beach"))
    file.write_bytes(file.read_bytes() + line)
    with pytest.raises(InputError, match=r"answers\.jsonl, line 2"), AnswerCache(file, "small"):
        pass


def test_two_runs_do_not_share_a_cache(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    with (
        AnswerCache(file, "small"),
        pytest.raises(InputError, match="in use by another run"),
        AnswerCache(file, "small"),
    ):
        pass


def test_a_cache_entered_again_knows_what_others_have_added(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    ours, theirs = AnswerCache(file, "small"), AnswerCache(file, "small")
    with ours:
        ours.keep("first", Answer("on a beach", tokens=Tokens(3, 4)))
    with theirs:
        theirs.keep("second", Answer(reason="declines to answer", tokens=Tokens(1, 1)))
    with AnswerCache(file, "large") as other:
        other.keep("third", Answer("in a park", tokens=Tokens(9, 9)))
    with ours:
        assert set(ours.known) == {"first", "second"} and ours.used == Tokens(4, 5)
    file.unlink()
    with ours:
        assert ours.known == {} and ours.used == Tokens(0, 0)
