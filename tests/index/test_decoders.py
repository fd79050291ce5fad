import errno
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest

from index.jobs.decoders import DecoderLimits, Decoders
from models.errors import ImageError, ImageTooLargeError


def decode(job: str) -> str:
    """What a hostile picture may do to its decoder, by name."""
    return {"hang": hang, "crash": crash, "grow": grow, "refuse": refuse, "fail": fail}.get(
        job, job.upper
    )()


def hang() -> NoReturn:
    while True:
        time.sleep(60)


def crash() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def grow() -> str:
    return str(len(bytearray(2 * 1024**3)))


def refuse() -> NoReturn:
    raise ImageTooLargeError("too large")


def fail() -> NoReturn:
    raise KeyError("width")


@pytest.fixture
def decoders() -> Iterator[Decoders[str, str]]:
    limits = DecoderLimits(time_s=60, memory_bytes=512 * 1024**2)
    with Decoders(decode, count=2, limits=limits) as opened:
        yield opened


@pytest.fixture
def hasty_decoders() -> Iterator[Decoders[str, str]]:
    """Which give a picture as long as a busy machine needs for one that is sound."""
    with Decoders(decode, count=1, limits=DecoderLimits(time_s=3)) as opened:
        yield opened


def test_jobs_of_many_threads_are_answered_each_with_its_own(decoders: Decoders[str, str]) -> None:
    jobs = [f"job {number}" for number in range(50)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(decoders.decode, jobs)) == [job.upper() for job in jobs]


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("crash", "crashed"),
        ("grow", "memory"),
        ("refuse", "too large"),
        ("fail", "KeyError"),
    ],
)
def test_a_hostile_picture_costs_itself_alone(
    decoders: Decoders[str, str], job: str, reason: str
) -> None:
    for _ in range(3):  # more often than there are processes
        with pytest.raises(ImageError, match=reason):
            decoders.decode(job)
    assert decoders.decode("next") == "NEXT"


def test_a_picture_that_hangs_costs_itself_alone(hasty_decoders: Decoders[str, str]) -> None:
    for _ in range(2):
        with pytest.raises(ImageError, match="longer than 3 s"):
            hasty_decoders.decode("hang")
    assert hasty_decoders.decode("next") == "NEXT"


def test_the_kind_of_error_comes_through(decoders: Decoders[str, str]) -> None:
    with pytest.raises(ImageTooLargeError):
        decoders.decode("refuse")


def test_processes_end_with_their_pool(decoders: Decoders[str, str]) -> None:
    pool = Decoders[str, int](lambda _: os.getpid(), count=1)
    with pool:
        process = pool.decode("whoever you are")
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_process_that_died_at_rest_costs_nobody_anything() -> None:
    with Decoders[str, int](lambda _: os.getpid(), count=1) as pool:
        killed = pool.decode("whoever you are")
        os.kill(killed, signal.SIGKILL)
        while "\nState:\tZ" not in Path(f"/proc/{killed}/status").read_text():
            time.sleep(0.01)
        assert pool.decode("whoever you are") != killed


def test_a_machine_that_starts_no_more_processes_costs_pictures_until_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with Decoders(decode, count=1) as pool:
        with monkeypatch.context() as without_fork:
            without_fork.setattr(os, "fork", refuse)
            for job in ("crash", "sound"):
                with pytest.raises(ImageError, match="no decoder can be started"):
                    pool.decode(job)
        assert pool.decode("sound") == "SOUND"


def test_processes_hold_none_of_their_parents_files(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    with (tmp_path / "lock").open() as held:
        number = held.fileno()
        with Decoders[str, bool](lambda _: is_open(number), count=1) as pool:
            assert not pool.decode("do you hold it?")


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def test_closing_waits_for_nobody() -> None:
    with ThreadPoolExecutor(1) as caller, Decoders(decode, count=1) as pool:
        waiting = caller.submit(pool.decode, "hang")
        pool.close()
        assert isinstance(waiting.exception(), ImageError)
