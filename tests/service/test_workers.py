import asyncio
import contextvars
import threading

import pytest

from service.errors import OverloadedError, UnavailableError
from service.model.workers import Workers

PATIENCE_S = 30

asked: contextvars.ContextVar[str] = contextvars.ContextVar("asked")


class Gate:
    def __init__(self) -> None:
        self.running = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> str:
        self.running.set()
        assert self.open.wait(PATIENCE_S)
        return "through"


def test_a_result_and_a_failure_reach_whoever_waits() -> None:
    workers = Workers("test", threads=1, max_queue=1)
    assert asyncio.run(workers.run(pow, 2, 5)) == 32
    with pytest.raises(ZeroDivisionError):
        asyncio.run(workers.run(divmod, 1, 0))
    workers.stop()


def test_work_sees_the_context_of_its_caller() -> None:
    workers = Workers("test", threads=1, max_queue=1)

    async def caller() -> str:
        asked.set("here")
        return await workers.run(asked.get)

    assert asyncio.run(caller()) == "here"
    workers.stop()


def test_what_is_too_much_at_a_time_is_refused_and_later_taken() -> None:
    workers, gate = Workers("test", threads=1, max_queue=1), Gate()

    async def callers() -> None:
        running = asyncio.create_task(workers.run(gate))
        assert await asyncio.to_thread(gate.running.wait, PATIENCE_S)
        waiting = asyncio.create_task(workers.run(pow, 2, 2))
        await asyncio.sleep(0)
        assert workers.loaded
        with pytest.raises(OverloadedError):
            await workers.run(pow, 2, 3)
        gate.open.set()
        assert await running == "through"
        assert await waiting == 4

    asyncio.run(callers())
    assert asyncio.run(workers.run(pow, 2, 4)) == 16
    workers.stop()


def test_work_is_dropped_whose_caller_left_before_it_began() -> None:
    workers, gate = Workers("test", threads=1, max_queue=2), Gate()
    done: list[int] = []

    async def callers() -> None:
        running = asyncio.create_task(workers.run(gate))
        assert await asyncio.to_thread(gate.running.wait, PATIENCE_S)
        leaves = asyncio.create_task(workers.run(done.append, 1))
        stays = asyncio.create_task(workers.run(done.append, 2))
        await asyncio.sleep(0)
        leaves.cancel()
        await asyncio.wait([leaves])
        gate.open.set()
        await asyncio.gather(running, stays)

    asyncio.run(callers())
    assert done == [2]
    workers.stop()


def die() -> None:
    raise SystemExit


def test_a_thread_that_dies_tells_its_caller_and_is_replaced() -> None:
    workers = Workers("test", threads=1, max_queue=1)
    with pytest.raises(UnavailableError, match="died"):
        asyncio.run(workers.run(die))
    for thread in threading.enumerate():
        if thread.name == "pictor-test":
            thread.join(PATIENCE_S)
    assert asyncio.run(workers.run(pow, 2, 5)) == 32
    workers.stop()


def test_nothing_is_taken_after_the_end() -> None:
    workers = Workers("test", threads=1, max_queue=1)
    workers.stop()
    with pytest.raises(UnavailableError, match="stopping"):
        asyncio.run(workers.run(pow, 2, 5))
