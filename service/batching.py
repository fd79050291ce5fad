"""Requests of many callers, run together.

One worker thread runs whatever waits, up to `max_batch` at a time. There is no timer: the next
batch fills while one runs, and a lone request starts at once. A batch that fails is run again one
by one, so that a failure reaches the callers who caused it and nobody else. Callers who have gone
away are dropped before their batch runs. No caller waits for a worker that is gone: when it dies,
of whatever it is, everything that waits fails at once with UnavailableError, and so does everything
that comes later. Raises OverloadedError when more than `max_queue` requests would wait.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from service.errors import OverloadedError, UnavailableError

RequestT = TypeVar("RequestT")
ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job(Generic[RequestT, ResultT]):
    request: RequestT
    result: Future[ResultT] = field(default_factory=Future)


class Batcher(Generic[RequestT, ResultT]):
    """Runs `run` on the requests of all callers: n requests in, n results in the same order out."""

    def __init__(
        self,
        name: str,
        run: Callable[[Sequence[RequestT]], Iterable[ResultT]],
        *,
        max_batch: int,
        max_queue: int,
    ) -> None:
        self._name = name
        self._run = run
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._waiting: deque[_Job[RequestT, ResultT]] = deque()
        self._changed = threading.Condition()
        self._refusal: str | None = f"{name}: not started"
        self._worker = threading.Thread(target=self._work, name=f"pictor-{name}", daemon=True)

    def start(self) -> None:
        with self._changed:
            self._refusal = None
        self._worker.start()

    def stop(self) -> None:
        """Fails what waits, and returns when the batch that runs is done."""
        self._refuse(f"{self._name}: the server is stopping")
        self._worker.join()

    async def submit(self, requests: Sequence[RequestT]) -> list[ResultT]:
        """All of them or none are taken; the first failure among them is raised."""
        jobs = [_Job[RequestT, ResultT](request) for request in requests]
        self._put(jobs)
        try:
            return list(await asyncio.gather(*(asyncio.wrap_future(job.result) for job in jobs)))
        finally:
            for job in jobs:
                job.result.cancel()

    def _put(self, jobs: list[_Job[RequestT, ResultT]]) -> None:
        with self._changed:
            if self._refusal is not None:
                raise UnavailableError(self._refusal)
            if len(self._waiting) + len(jobs) > self._max_queue:
                raise OverloadedError(f"{self._name}: {len(self._waiting)} wait already")
            self._waiting.extend(jobs)
            self._changed.notify()

    def _refuse(self, refusal: str) -> None:
        with self._changed:
            self._refusal = refusal
            jobs = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        _fail(jobs, refusal)

    def _work(self) -> None:
        batch: list[_Job[RequestT, ResultT]] = []
        try:
            while self._wait():
                batch = self._next_batch()
                self._answer(batch)
        except BaseException as error:  # the worker's boundary: nobody may be left waiting
            log.critical("%s: the worker has died", self._name, exc_info=error)
            refusal = f"{self._name}: the worker has died"
            self._refuse(refusal)
            _fail(batch, refusal)

    def _wait(self) -> bool:
        """Until there is work, which is True, or an end of it."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._refusal)
            return self._refusal is None

    def _next_batch(self) -> list[_Job[RequestT, ResultT]]:
        batch: list[_Job[RequestT, ResultT]] = []
        with self._changed:
            while self._waiting and len(batch) < self._max_batch:
                job = self._waiting.popleft()
                if job.result.set_running_or_notify_cancel():
                    batch.append(job)
        return batch

    def _answer(self, batch: list[_Job[RequestT, ResultT]]) -> None:
        if not batch:
            return
        try:
            results = self._run([job.request for job in batch])
            pairs = list(zip(batch, results, strict=True))
        except Exception as error:  # noqa: BLE001  delivered to whoever waits
            if len(batch) == 1:
                batch[0].result.set_exception(error)
                return
            for job in batch:
                self._answer([job])
            return
        for job, result in pairs:
            job.result.set_result(result)


def _fail(jobs: Sequence[_Job[RequestT, ResultT]], refusal: str) -> None:
    for job in jobs:
        if not job.result.done() and (
            job.result.running() or job.result.set_running_or_notify_cancel()
        ):
            job.result.set_exception(UnavailableError(refusal))
