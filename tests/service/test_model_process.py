"""A model in a process of its own: the same answers, whatever becomes of the process."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.device import Placement
from models.encoders import Prompt
from models.errors import ModelMemoryError, NoHeatError
from models.heat import HeatAsked, Looks
from models.preprocess import Pixels
from models.vectors import Embeddings
from service.errors import UnavailableError
from service.model.process import ModelProcess, apart, schedule
from tests.fakes import WholeEncoder

SLOW_S = 1.0


class LibraryError(Exception):
    """Made of two things, so that it cannot be unpickled."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} in {where}")


class TellingEncoder(WholeEncoder):
    """Some texts say what becomes of their pass; "who" answers with the process that it ran in."""

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        said = " ".join(texts)
        if "who" in said:
            return np.array([[os.getpid()]], dtype=np.float32)
        if "slow" in said:
            time.sleep(SLOW_S)
        if "deadly" in said:
            os.kill(os.getpid(), signal.SIGKILL)
        if "large" in said:
            raise ModelMemoryError("cpu: a batch does not fit its memory")
        if "strange" in said:
            raise LibraryError("a fault", "a library")
        return super().encode_texts(texts)


@contextmanager
def running(lost: list[str]) -> Iterator[ModelProcess]:
    model, policy = ModelProcess(TellingEncoder(), threads=1), os.sched_getscheduler(0)
    model.start(lost=lambda: lost.append("lost"))
    try:
        yield model
    finally:
        model.stop()
        schedule(policy)


@pytest.fixture
def lost() -> list[str]:
    return []


@pytest.fixture
def model(lost: list[str]) -> Iterator[ModelProcess]:
    with running(lost) as started:
        yield started


def pid(model: ModelProcess) -> int:
    return int(model.encode_texts(["who"])[0, 0])


def test_passes_run_in_another_process_and_give_what_the_model_gives(model: ModelProcess) -> None:
    here, pixels = TellingEncoder(), [np.full((4, 4, 3), 7, dtype=np.uint8)]
    assert pid(model) != os.getpid()
    np.testing.assert_array_equal(model.encode_images(pixels), here.encode_images(pixels))
    np.testing.assert_array_equal(model.encode_texts(["red"]), here.encode_texts(["red"]))
    prompts = [Prompt("green"), Prompt("blue")]
    np.testing.assert_array_equal(model.encode_prompts(prompts), here.encode_prompts(prompts))
    tokens = model.tokenise(prompts)
    np.testing.assert_array_equal(model.encode_tokens(tokens), here.encode_tokens(tokens))
    rows = model.encode_texts(["red", "green"])
    np.testing.assert_array_equal(model.fuse(rows, rows), rows)
    asked = [HeatAsked(looks_of(here, pixels[0]), rows[0])]
    np.testing.assert_array_equal(model.heat(asked)[0], here.heat(asked)[0])


def looks_of(encoder: TellingEncoder, pixels: Pixels) -> Looks:
    return encoder.looks(Image.fromarray(pixels))


def test_what_the_model_raises_comes_out_with_where_it_was_raised(model: ModelProcess) -> None:
    with pytest.raises(ModelMemoryError, match="does not fit") as raised:
        model.encode_texts(["large"])
    assert any("encode_texts" in note for note in raised.value.__notes__)
    assert model.encode_texts(["red"]).shape == (1, 4)


def test_an_error_that_does_not_survive_the_way_is_told_all_the_same(model: ModelProcess) -> None:
    with pytest.raises(RuntimeError, match="LibraryError: a fault in a library"):
        model.encode_texts(["strange"])
    assert model.encode_texts(["red"]).shape == (1, 4)


def test_a_pass_that_kills_the_process_fails_and_the_next_finds_another(
    model: ModelProcess, lost: list[str]
) -> None:
    first = pid(model)
    with pytest.raises(UnavailableError, match="has died"):
        model.encode_texts(["deadly"])
    assert model.encode_texts(["red"]).shape == (1, 4)
    assert pid(model) != first
    assert lost == ["lost"]


def test_a_process_that_died_at_rest_costs_nobody_anything(
    model: ModelProcess, lost: list[str]
) -> None:
    killed = pid(model)
    os.kill(killed, signal.SIGKILL)
    while "\nState:\tZ" not in Path(f"/proc/{killed}/status").read_text():
        time.sleep(0.01)
    assert model.encode_texts(["red"]).shape == (1, 4)
    assert lost == ["lost"]


def test_ctrl_c_and_sigterm_are_not_for_the_process(model: ModelProcess, lost: list[str]) -> None:
    first = pid(model)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(first, number)
    assert pid(model) == first
    assert not lost


def test_the_server_gives_way_to_its_model(model: ModelProcess) -> None:
    assert os.sched_getscheduler(0) == os.SCHED_BATCH
    assert os.sched_getscheduler(pid(model)) == os.SCHED_OTHER


def test_callers_in_several_threads_get_their_own_answers(model: ModelProcess) -> None:
    words = ["red", "green", "blue", "white"] * 8
    found: dict[int, Embeddings] = {}

    def ask(number: int) -> None:
        found[number] = model.encode_texts([words[number]])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(words))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = TellingEncoder().encode_texts(words)
    np.testing.assert_array_equal(np.concatenate([found[n] for n in range(len(words))]), expected)


def test_a_stop_fails_the_pass_that_runs_and_whatever_comes_then() -> None:
    with running([]) as model:
        failed: list[Exception] = []

        def ask() -> None:
            try:
                model.encode_texts(["slow red"])
            except UnavailableError as error:
                failed.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(SLOW_S / 4)
        model.stop()
        asking.join()
        assert failed
        with pytest.raises(UnavailableError, match="not started"):
            model.encode_texts(["red"])


def test_a_model_that_cannot_run_in_a_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Embeddings:
        raise NoHeatError("nothing runs here")

    monkeypatch.setattr(TellingEncoder, "encode_texts", refuse)
    model = ModelProcess(TellingEncoder(), threads=1)
    with pytest.raises(UnavailableError, match="did not start"):
        model.start()


def test_a_machine_that_starts_no_more_processes_is_told(
    monkeypatch: pytest.MonkeyPatch, model: ModelProcess
) -> None:
    def refuse() -> int:
        raise BlockingIOError("Resource temporarily unavailable")

    killed = pid(model)
    with monkeypatch.context() as without_fork:
        without_fork.setattr(os, "fork", refuse)
        with pytest.raises(UnavailableError, match="has died"):
            model.encode_texts(["deadly"])
        with pytest.raises(UnavailableError, match="can be started"):
            model.encode_texts(["red"])
    assert pid(model) != killed


def test_a_process_that_dies_as_it_is_asked_is_told(
    monkeypatch: pytest.MonkeyPatch, model: ModelProcess
) -> None:
    send, here, killed = Connection.send, os.getpid(), pid(model)

    def broken(pipe: Connection, call: object) -> None:
        if os.getpid() == here:
            raise BrokenPipeError
        send(pipe, call)

    with monkeypatch.context() as without_pipes:
        without_pipes.setattr(Connection, "send", broken)
        with pytest.raises(UnavailableError, match="has died"):
            model.encode_texts(["red"])
    assert pid(model) != killed


def test_a_model_on_a_device_stays_in_its_own_process() -> None:
    encoder = TellingEncoder()
    assert isinstance(apart(encoder, 1), ModelProcess)
    encoder.placement = Placement(torch.device("meta"), torch.float32)
    assert apart(encoder, 1) is encoder
