import asyncio
import threading
from collections.abc import Sequence

import pytest

from service.batching import Batcher
from service.errors import OverloadedError, UnavailableError

PATIENCE_S = 10


class Doubler:
    """Doubles numbers, each batch once the gate is open; notes what it was given."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.running = threading.Event()
        self.gate = threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.running.set()
        assert self.gate.wait(PATIENCE_S)
        if 13 in numbers:
            raise ValueError("thirteen")
        if 666 in numbers:
            raise SystemExit
        return [2 * number for number in numbers]

    async def is_running(self) -> None:
        assert await asyncio.to_thread(self.running.wait, PATIENCE_S)


def started(double: Doubler, *, max_batch: int = 8, max_queue: int = 8) -> Batcher[int, int]:
    batcher: Batcher[int, int] = Batcher("test", double, max_batch=max_batch, max_queue=max_queue)
    batcher.start()
    return batcher


async def submitted(
    batcher: Batcher[int, int], *requests: list[int]
) -> list[asyncio.Task[list[int]]]:
    """Tasks whose requests wait by now."""
    tasks = [asyncio.create_task(batcher.submit(each)) for each in requests]
    await asyncio.sleep(0)  # every task takes its first step: its requests are put
    return tasks


def test_results_come_in_the_order_of_the_requests() -> None:
    double = Doubler()
    double.gate.set()
    batcher = started(double)
    assert asyncio.run(batcher.submit([3, 1, 2])) == [6, 2, 4]
    batcher.stop()


def test_requests_that_arrive_while_a_batch_runs_share_the_next_one() -> None:
    double = Doubler()
    batcher = started(double)

    async def callers() -> list[list[int]]:
        first = await submitted(batcher, [1])
        await double.is_running()
        rest = await submitted(batcher, [2], [3], [4])
        double.gate.set()
        return list(await asyncio.gather(*first, *rest))

    assert asyncio.run(callers()) == [[2], [4], [6], [8]]
    assert double.batches == [[1], [2, 3, 4]]
    batcher.stop()


def test_a_batch_is_never_larger_than_asked() -> None:
    double = Doubler()
    double.gate.set()
    batcher = started(double, max_batch=2)
    assert asyncio.run(batcher.submit([1, 2, 3, 4, 5])) == [2, 4, 6, 8, 10]
    assert max(len(batch) for batch in double.batches) <= 2
    batcher.stop()


def test_a_failing_batch_fails_its_own_callers_and_nobody_else() -> None:
    double = Doubler()
    batcher = started(double)

    async def callers() -> list[object]:
        first = await submitted(batcher, [1])
        await double.is_running()
        rest = await submitted(batcher, [2], [13], [3])
        double.gate.set()
        return list(await asyncio.gather(*first, *rest, return_exceptions=True))

    one, two, thirteen, three = asyncio.run(callers())
    assert (one, two, three) == ([2], [4], [6])
    assert isinstance(thirteen, ValueError)
    assert asyncio.run(batcher.submit([5])) == [10]
    batcher.stop()


def test_a_worker_that_dies_fails_whoever_waits_and_whoever_comes() -> None:
    double = Doubler()
    batcher = started(double, max_batch=1)

    async def callers() -> list[object]:
        first = await submitted(batcher, [666])
        await double.is_running()
        rest = await submitted(batcher, [1], [2])
        double.gate.set()
        return list(await asyncio.gather(*first, *rest, return_exceptions=True))

    assert [type(each) for each in asyncio.run(callers())] == [UnavailableError] * 3
    with pytest.raises(UnavailableError, match="died"):
        asyncio.run(batcher.submit([1]))
    batcher.stop()


def test_the_queue_is_bounded_and_takes_all_of_a_callers_requests_or_none() -> None:
    double = Doubler()
    batcher = started(double, max_queue=2)

    async def callers() -> list[list[int]]:
        first = await submitted(batcher, [1])
        await double.is_running()
        second = await submitted(batcher, [2])
        with pytest.raises(OverloadedError):
            await batcher.submit([3, 4])
        third = await submitted(batcher, [5])
        with pytest.raises(OverloadedError):
            await batcher.submit([6])
        double.gate.set()
        return list(await asyncio.gather(*first, *second, *third))

    assert asyncio.run(callers()) == [[2], [4], [10]]
    batcher.stop()


def test_callers_who_have_gone_away_are_dropped_before_their_batch() -> None:
    double = Doubler()
    batcher = started(double)

    async def callers() -> list[list[int]]:
        first = await submitted(batcher, [1])
        await double.is_running()
        gone, stays = await submitted(batcher, [2], [3])
        gone.cancel()
        await asyncio.wait([gone])
        double.gate.set()
        return list(await asyncio.gather(*first, stays))

    assert asyncio.run(callers()) == [[2], [6]]
    assert double.batches == [[1], [3]]
    batcher.stop()


def test_stopping_fails_what_waits_and_lets_the_running_batch_end() -> None:
    double = Doubler()
    batcher = started(double)

    async def callers() -> list[object]:
        first = await submitted(batcher, [1])
        await double.is_running()
        second = await submitted(batcher, [2])
        stopping = asyncio.create_task(asyncio.to_thread(batcher.stop))
        waiting = await asyncio.gather(*second, return_exceptions=True)
        double.gate.set()
        await stopping
        return [*await asyncio.gather(*first), *waiting]

    one, two = asyncio.run(callers())
    assert one == [2]
    assert isinstance(two, UnavailableError)


def test_too_few_results_are_a_failure_and_leave_nobody_waiting() -> None:
    batcher: Batcher[int, int] = Batcher("test", lambda _: [], max_batch=8, max_queue=8)
    batcher.start()
    with pytest.raises(ValueError, match="shorter"):
        asyncio.run(batcher.submit([1]))
    batcher.stop()
