"""Requests of one kind, of many callers, run together.

A batch is whatever waits, up to `max_batch`, and no more than takes about TURN_S where other kinds
wait for their turn, and ALONE_S where none does; service/model/turns.py says when. A batch that
fails is halved until the failure is alone, so that it reaches the callers who caused it and nobody
else; one that does not fit the device's memory is halved too, and so are those that follow, until
many in a row have fitted. Callers who have gone away are dropped before their batch runs.
"""

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from models.errors import InputError, ModelError, ModelMemoryError
from service.errors import OverloadedError
from service.model.pulse import Pulse
from service.telemetry.measures import Measures, Unmeasured

RequestT = TypeVar("RequestT")
ResultT = TypeVar("ResultT")

TURN_S, ALONE_S = 0.25, 1.0
LEARNING = 0.2  # the share of the last batch in what one request is thought to take
FITTED = 32  # batches in a row, before a larger one is tried again


@dataclass(frozen=True)
class Ran(Generic[ResultT]):
    """A result, how long its request waited for its batch, and how long that ran."""

    result: ResultT
    queue_s: float
    forward_s: float


@dataclass(frozen=True, eq=False)
class Job(Generic[RequestT, ResultT]):
    request: RequestT
    future: "asyncio.Future[Ran[ResultT]]"
    put_at: float

    @property
    def awaited(self) -> bool:
        """Whether somebody still waits; may be asked in any thread."""
        return not self.future.done()


@dataclass
class BatchSize:
    """How many at once: what was asked for, until that does not fit the memory."""

    asked: int
    now: int = field(init=False)
    _fitted: int = 0

    def __post_init__(self) -> None:
        self.now = self.asked

    def too_large(self, size: int) -> None:
        self.now, self._fitted = max(1, size // 2), 0

    def fits(self) -> None:
        self._fitted += 1
        if self._fitted >= FITTED and self.now < self.asked:
            self.now, self._fitted = min(2 * self.now, self.asked), 0


class Turns(Protocol):
    """What a batcher knows of the worker that runs its batches."""

    def put(self, batcher: "Batcher[Any, Any]", jobs: Sequence[Job[Any, Any]]) -> None:
        """Raises OverloadedError and UnavailableError."""
        ...

    def withdraw(self, batcher: "Batcher[Any, Any]", jobs: Sequence[Job[Any, Any]]) -> None:
        """Those of the jobs that still wait."""
        ...


class Batcher(Generic[RequestT, ResultT]):
    """Runs `run` on the requests of all callers: n requests in, n results in the same order out.

    What waits, and what is said of it here, is the worker's to change, under its lock.
    """

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        run: Callable[[Sequence[RequestT]], Iterable[ResultT]],
        worker: Turns,
        *,
        max_batch: int,
        max_queue: int,
        measures: Measures | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.name = name
        self.pulse = Pulse()
        self.spent_s = 0.0  # of the worker's time
        self._run = run
        self._worker = worker
        self._size = BatchSize(max_batch)
        self._max_queue = max_queue
        self._measures = measures or Unmeasured()
        self._clock = clock
        self._each_s = 0.0  # that one request takes of a batch, about
        self._waiting: deque[Job[RequestT, ResultT]] = deque()

    async def submit(self, requests: Sequence[RequestT]) -> list[Ran[ResultT]]:
        """All of them or none are taken; the first failure among them is raised.

        Raises OverloadedError where more than `max_queue` would wait, UnavailableError where the
        worker is gone.
        """
        loop, now = asyncio.get_running_loop(), self._clock()
        jobs = [Job[RequestT, ResultT](each, loop.create_future(), now) for each in requests]
        self._worker.put(self, jobs)
        try:
            return list(await asyncio.gather(*(job.future for job in jobs)))
        finally:
            left = [job for job in jobs if not job.future.done() or job.future.cancelled()]
            for job in left:
                job.future.cancel()
            if left:
                self._worker.withdraw(self, left)

    @property
    def depth(self) -> int:
        return len(self._waiting)

    @property
    def load_s(self) -> float:
        """How long the worker will be at what waits here, about."""
        return len(self._waiting) * self._each_s

    def add(self, jobs: Sequence[Job[RequestT, ResultT]]) -> None:
        if len(self._waiting) + len(jobs) > self._max_queue:
            self._measures.refused(self.name)
            raise OverloadedError(f"{self.name}: {len(self._waiting)} wait already")
        self._waiting.extend(jobs)
        self._measures.set_queue(self.name, len(self._waiting))

    def drop(self, jobs: Sequence[Job[RequestT, ResultT]]) -> None:
        gone = set(jobs).intersection(self._waiting)
        if gone:
            self._waiting = deque(job for job in self._waiting if job not in gone)
            self._measures.dropped(self.name, len(gone))
            self._measures.set_queue(self.name, len(self._waiting))

    def take(self, turn_s: float = ALONE_S) -> list[Job[RequestT, ResultT]]:
        """The next batch, which takes about so long at most."""
        most = self._size.now
        if self._each_s > 0:
            most = min(most, max(1, int(turn_s / self._each_s)))
        batch: list[Job[RequestT, ResultT]] = []
        while self._waiting and len(batch) < most:
            job = self._waiting.popleft()
            if job.awaited:
                batch.append(job)
            else:
                self._measures.dropped(self.name)
        self._measures.set_queue(self.name, len(self._waiting))
        return batch

    def take_all(self) -> list[Job[RequestT, ResultT]]:
        jobs = list(self._waiting)
        self._waiting.clear()
        self._measures.set_queue(self.name, 0)
        return jobs

    def answer(self, batch: Sequence[Job[RequestT, ResultT]]) -> None:
        """In the worker's thread; a BaseException of `run` that is no Exception comes out."""
        batch = [job for job in batch if job.awaited]
        if not batch:
            return
        self._measures.observe_batch(self.name, len(batch))
        started = self._clock()
        try:
            results = list(self._run([job.request for job in batch]))
            if len(results) != len(batch):
                raise ValueError(f"{self.name}: {len(results)} results of {len(batch)} requests")
        except Exception as error:  # noqa: BLE001  delivered to whoever waits
            self._recover(batch, error)
            return
        self._learn(len(batch), self._clock() - started)
        took = self._clock() - started
        deliver(
            (job, Ran(result, started - job.put_at, took))
            for job, result in zip(batch, results, strict=True)
        )

    def _learn(self, count: int, seconds: float) -> None:
        self.pulse.beat()
        self._size.fits()
        each = seconds / count
        self._each_s = each if not self._each_s else self._each_s + LEARNING * (each - self._each_s)

    def _recover(self, batch: Sequence[Job[RequestT, ResultT]], error: Exception) -> None:
        if len(batch) == 1:
            # a model's own failures are no mistake of the caller's
            if isinstance(error, ModelError) or not isinstance(error, InputError):
                self.pulse.fail()
            deliver([(batch[0], error)])
            return
        if isinstance(error, ModelMemoryError):
            self._size.too_large(len(batch))
        middle = len(batch) // 2
        self.answer(batch[:middle])
        self.answer(batch[middle:])


Outcome = tuple[Job[RequestT, ResultT], Ran[ResultT] | Exception]


def deliver(outcomes: Iterable[Outcome[RequestT, ResultT]]) -> None:
    """From any thread, to the loops that wait, each woken once."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[Outcome[RequestT, ResultT]]]
    by_loop = defaultdict(list)
    for outcome in outcomes:
        by_loop[outcome[0].future.get_loop()].append(outcome)
    for loop, mine in by_loop.items():
        with contextlib.suppress(RuntimeError):  # it is closed: nobody waits there
            loop.call_soon_threadsafe(_settle, mine)


def _settle(outcomes: Iterable[Outcome[RequestT, ResultT]]) -> None:
    for job, outcome in _unsettled(outcomes):
        if isinstance(outcome, Exception):
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome)


def _unsettled(
    outcomes: Iterable[Outcome[RequestT, ResultT]],
) -> Iterator[Outcome[RequestT, ResultT]]:
    return (outcome for outcome in outcomes if not outcome[0].future.done())
