import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pytest

from models.errors import ModelMemoryError
from service.errors import OverloadedError, UnavailableError
from service.model.batching import ALONE_S, FITTED, TURN_S, Batcher, BatchSize, Job
from service.model.turns import Worker

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


@dataclass
class Running:
    """A worker with one kind of work."""

    worker: Worker
    batcher: Batcher[int, int]

    async def submit(self, numbers: list[int]) -> list[int]:
        return [ran.result for ran in await self.batcher.submit(numbers)]

    def stop(self) -> None:
        self.worker.stop()


def started(
    run: Callable[[Sequence[int]], Iterable[int]], *, max_batch: int = 8, max_queue: int = 8
) -> Running:
    worker = Worker("test", first_pause_s=0.01)
    batcher = worker.batcher("numbers", run, max_batch=max_batch, max_queue=max_queue)
    worker.start()
    return Running(worker, batcher)


async def submitted(running: Running, *requests: list[int]) -> list[asyncio.Task[list[int]]]:
    """Tasks whose requests wait by now."""
    tasks = [asyncio.create_task(running.submit(each)) for each in requests]
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


def test_a_worker_that_dies_fails_whoever_waits_at_once_and_is_replaced() -> None:
    double = Doubler()
    batcher = started(double, max_batch=1)

    async def callers() -> list[object]:
        first = await submitted(batcher, [666])
        await double.is_running()
        rest = await submitted(batcher, [1], [2])
        double.gate.set()
        return list(await asyncio.gather(*first, *rest, return_exceptions=True))

    assert [type(each) for each in asyncio.run(callers())] == [UnavailableError] * 3
    assert asyncio.run(answered_again(batcher)) == [10]
    batcher.stop()


async def answered_again(batcher: Running) -> list[int]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(UnavailableError):
                return await batcher.submit([5])
            await asyncio.sleep(0.01)


def test_between_two_workers_callers_are_refused_and_told_when_to_come_back() -> None:
    worker = Worker("test", first_pause_s=1000.0)
    double = Doubler()
    double.gate.set()
    batcher = worker.batcher("numbers", double, max_batch=1, max_queue=8)
    worker.start()
    with pytest.raises(UnavailableError, match="died"):
        asyncio.run(batcher.submit([666]))
    with pytest.raises(UnavailableError, match="died") as refusal:
        asyncio.run(batcher.submit([1]))
    assert refusal.value.retry_after_s >= 1000
    assert worker.refusal is not None
    worker.stop()


def test_a_batch_that_does_not_fit_the_memory_is_halved_and_so_are_the_next() -> None:
    sizes: list[int] = []

    def cramped(numbers: Sequence[int]) -> list[int]:
        sizes.append(len(numbers))
        if len(numbers) > 2:
            raise ModelMemoryError("cpu: a batch does not fit its memory")
        return [2 * number for number in numbers]

    batcher = started(cramped)
    assert asyncio.run(batcher.submit([1, 2, 3, 4, 5, 6, 7])) == [2, 4, 6, 8, 10, 12, 14]
    del sizes[:]
    assert asyncio.run(batcher.submit([1, 2, 3])) == [2, 4, 6]
    assert max(sizes) <= 2
    batcher.stop()


def test_a_larger_batch_is_tried_again_after_many_have_fitted() -> None:
    size = BatchSize(8)
    size.too_large(8)
    assert size.now == 4
    for _ in range(FITTED):
        size.fits()
    assert size.now == 8


def test_one_that_does_not_fit_alone_is_told_so() -> None:
    def full(_: Sequence[int]) -> list[int]:
        raise ModelMemoryError("cpu: a batch does not fit its memory")

    batcher = started(full)
    with pytest.raises(ModelMemoryError):
        asyncio.run(batcher.submit([1]))
    assert batcher.batcher.pulse.failing
    batcher.stop()


class Costly:
    """Runs of which each takes so many seconds, by a clock of its own."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.turns: list[str] = []

    def clock(self) -> float:
        return self.now_s

    def of(self, name: str, seconds: float) -> Callable[[Sequence[int]], list[int]]:
        def run(numbers: Sequence[int]) -> list[int]:
            self.turns.append(name)
            self.now_s += seconds
            return list(numbers)

        return run


def test_kinds_take_turns_by_the_time_that_they_cost() -> None:
    costly = Costly()
    worker = Worker("test", clock=costly.clock)
    pictures = worker.batcher("pictures", costly.of("P", 4.0), max_batch=1, max_queue=99)
    texts = worker.batcher("texts", costly.of("t", 1.0), max_batch=1, max_queue=99)

    async def both() -> None:
        waiting = [pictures.submit([n]) for n in range(4)] + [texts.submit([n]) for n in range(16)]
        tasks = [asyncio.create_task(each) for each in waiting]
        await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    gate = threading.Event()
    opened: Batcher[int, bool] = worker.batcher(
        "gate", lambda _: [gate.wait(PATIENCE_S)], max_batch=1, max_queue=1
    )

    async def queued() -> None:
        held = asyncio.create_task(opened.submit([0]))
        await asyncio.sleep(0)
        everybody = asyncio.create_task(both())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(held, everybody)

    worker.start()
    asyncio.run(queued())
    assert "".join(costly.turns) == "PttttPttttPttttPtttt"
    worker.stop()


def test_a_kind_that_rested_has_saved_no_turns_up() -> None:
    costly = Costly()
    worker = Worker("test", clock=costly.clock)
    busy = worker.batcher("busy", costly.of("b", 1.0), max_batch=1, max_queue=99)
    rested = worker.batcher("rested", costly.of("r", 1.0), max_batch=1, max_queue=99)
    worker.start()
    for number in range(10):
        asyncio.run(busy.submit([number]))
    asyncio.run(rested.submit([0]))
    assert rested.spent_s >= busy.spent_s - 1.0
    worker.stop()


def test_a_batch_of_the_only_kind_takes_no_longer_than_alone() -> None:
    costly = Costly()
    worker = Worker("test", clock=costly.clock)
    sizes: list[int] = []

    def slow(numbers: Sequence[int]) -> list[int]:
        sizes.append(len(numbers))
        costly.now_s += len(numbers) * ALONE_S / 2
        return list(numbers)

    batcher = worker.batcher("slow", slow, max_batch=8, max_queue=8)
    worker.start()
    asyncio.run(batcher.submit([1, 2, 3, 4]))  # it is known now how long one takes
    asyncio.run(batcher.submit([1, 2, 3, 4]))
    assert sizes == [4, 2, 2]
    assert batcher.load_s == 0
    worker.stop()


def test_a_batch_takes_no_longer_than_a_turn_where_others_wait() -> None:
    costly = Costly()
    worker = Worker("test", clock=costly.clock)

    def slow(numbers: Sequence[int]) -> list[int]:
        costly.now_s += len(numbers) * TURN_S / 2
        return list(numbers)

    async def taken() -> list[int]:
        jobs = [Job(n, asyncio.get_running_loop().create_future(), 0.0) for n in range(8)]
        batcher.add(jobs)
        return [len(batcher.take(TURN_S)), len(batcher.take())]

    batcher = worker.batcher("slow", slow, max_batch=8, max_queue=8)
    worker.start()
    asyncio.run(batcher.submit([1]))
    worker.stop()
    assert asyncio.run(taken()) == [2, 6]


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
    batcher = started(lambda _: [])
    with pytest.raises(ValueError, match="0 results of 1"):
        asyncio.run(batcher.submit([1]))
    batcher.stop()
