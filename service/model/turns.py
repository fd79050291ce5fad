"""One thread that runs the batches of all kinds of work on one model, in fair turns.

The kinds that have work take turns by the time that they have spent: the one that has spent least
goes next, so that a flood of one kind, or of costly batches, leaves the others their share. A kind
that comes back from a rest starts level with the others. There is no timer: the next batches fill
while one runs, and a lone request starts at once.

No caller waits for a worker that is gone: when it dies, of whatever it is, everything that waits
fails at once with UnavailableError, and so does everything that comes until another thread has
taken its place, after a pause that doubles with every death that no success lies between.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from service.errors import OverloadedError, UnavailableError
from service.model.batching import ALONE_S, TURN_S, Batcher, Job, deliver
from service.model.pulse import Pulse
from service.telemetry.measures import Measures, Unmeasured

RequestT = TypeVar("RequestT")
ResultT = TypeVar("ResultT")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 30.0
LAST_BATCH_S = 5.0  # that a stop waits for the batch that runs

Jobs = Sequence[Job[Any, Any]]

log = logging.getLogger(__name__)


class Worker:
    def __init__(
        self,
        name: str,
        *,
        measures: Measures | None = None,
        clock: Callable[[], float] = time.perf_counter,
        first_pause_s: float = FIRST_PAUSE_S,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self.pulse = Pulse()
        self._name = name
        self._measures = measures or Unmeasured()
        self._clock = clock
        self._prepare = prepare
        self._first_pause_s = self._pause_s = first_pause_s
        self._resting_s = 0.0  # from the last death to the next life
        self._batchers: list[Batcher[Any, Any]] = []
        self._level_s = 0.0  # what the last one that had its turn had spent before it
        self._changed = threading.Condition()
        self._refusal: str | None = f"{name}: not started"
        self._stopping = False
        self._thread: threading.Thread | None = None

    def batcher(
        self,
        name: str,
        run: Callable[[Sequence[RequestT]], Iterable[ResultT]],
        *,
        max_batch: int,
        max_queue: int,
    ) -> Batcher[RequestT, ResultT]:
        """For one kind of work; before the start."""
        batcher: Batcher[RequestT, ResultT] = Batcher(
            name,
            run,
            self,
            max_batch=max_batch,
            max_queue=max_queue,
            measures=self._measures,
            clock=self._clock,
        )
        self._batchers.append(batcher)
        return batcher

    def start(self) -> None:
        with self._changed:
            self._refusal = None
            self._begin(0.0)

    def stop(self) -> None:
        """Fails what waits, and returns when the batch that runs is done, or won't be soon."""
        with self._changed:
            self._stopping = True
            thread = self._thread
        self._refuse(f"{self._name}: the server is stopping")
        if thread is not None:
            thread.join(LAST_BATCH_S)

    @property
    def refusal(self) -> str | None:
        """Why it takes no work; None where it does."""
        with self._changed:
            if self._refusal is None and not self._lives():
                return f"{self._name}: the worker is gone"
            return self._refusal

    @property
    def loaded(self) -> bool:
        """Whether work waits for its turn."""
        return any(batcher.depth for batcher in self._batchers)

    @property
    def load_s(self) -> float:
        """How long it will be at what waits, about."""
        return sum(batcher.load_s for batcher in self._batchers)

    def put(self, batcher: Batcher[Any, Any], jobs: Jobs) -> None:
        with self._changed:
            if self._refusal is None and not self._lives():
                self._replace()
            if self._refusal is not None:
                raise UnavailableError(self._refusal, retry_after_s=self._resting_s)
            rested = batcher.depth == 0
            try:
                batcher.add(jobs)
            except OverloadedError as error:
                error.retry_after_s = self.load_s
                raise
            if rested:
                batcher.spent_s = max(batcher.spent_s, self._level_s)
            self._changed.notify()

    def withdraw(self, batcher: Batcher[Any, Any], jobs: Jobs) -> None:
        with self._changed:
            batcher.drop(jobs)

    def _lives(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _begin(self, pause_s: float) -> None:
        self._thread = threading.Thread(
            target=self._live, args=(pause_s,), name=f"pictor-{self._name}", daemon=True
        )
        self._thread.start()

    def _live(self, pause_s: float) -> None:
        batch: Jobs = []
        try:
            self._rest(pause_s)
            self._prepare()
            while (turn := self._next()) is not None:
                batcher, batch = turn
                self._run(batcher, batch)
        except BaseException as error:  # the worker's boundary: nobody may be left waiting
            log.critical("%s: the worker has died", self._name, exc_info=error)
            with self._changed:
                self._replace()
            _fail(batch, f"{self._name}: the worker has died")

    def _rest(self, pause_s: float) -> None:
        with self._changed:
            if pause_s and not self._changed.wait_for(lambda: self._stopping, pause_s):
                self._refusal = None

    def _next(self) -> tuple[Batcher[Any, Any], Jobs] | None:
        """Waits for work; None at the end of it."""
        with self._changed:
            self._changed.wait_for(lambda: self.loaded or self._refusal)
            if self._refusal is not None:
                return None
            waiting = [batcher for batcher in self._batchers if batcher.depth]
            batcher = min(waiting, key=lambda each: each.spent_s)
            self._level_s = batcher.spent_s
            return batcher, batcher.take(TURN_S if len(waiting) > 1 else ALONE_S)

    def _run(self, batcher: Batcher[Any, Any], batch: Jobs) -> None:
        started = self._clock()
        batcher.answer(batch)
        spent = self._clock() - started
        with self._changed:
            batcher.spent_s += spent
        if batcher.pulse.failing:
            self.pulse.fail()
        else:
            self.pulse.beat()
            self._pause_s = self._first_pause_s

    def _replace(self) -> None:
        """Under the lock: refuses until another thread has begun."""
        if self._stopping:
            return
        self._resting_s = self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self.pulse.fail()
        self._fail_all(f"{self._name}: the worker has died, another will take its place")
        self._measures.worker_restarted(self._name)
        self._begin(self._resting_s)

    def _refuse(self, refusal: str) -> None:
        with self._changed:
            self._fail_all(refusal)
            self._changed.notify_all()

    def _fail_all(self, refusal: str) -> None:
        self._refusal = refusal
        for batcher in self._batchers:
            _fail(batcher.take_all(), refusal)


def _fail(jobs: Jobs, refusal: str) -> None:
    deliver((job, UnavailableError(refusal)) for job in jobs)
