"""A few threads for blocking work that is not batched: reading texts and the collection.

`run` waits for the result without holding the event loop; the work runs in a copy of the caller's
context. Work whose caller has gone away before it started is dropped. Raises OverloadedError when
every thread works and `max_queue` calls wait, UnavailableError where the work ended its thread; a
thread that is gone is replaced.
"""

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from service.errors import OverloadedError, UnavailableError
from service.model.pulse import Pulse
from service.telemetry.measures import Measures, Unmeasured

P = ParamSpec("P")
T = TypeVar("T")

LAST_CALLS_S = 5.0  # that a stop waits for the calls that run
LEARNING = 0.1  # the share of the last call in how long one is thought to take

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Call:
    work: Callable[[], Any]
    result: "asyncio.Future[Any]"
    context: contextvars.Context


class Workers:
    def __init__(
        self, name: str, *, threads: int, max_queue: int, measures: Measures | None = None
    ) -> None:
        self.pulse = Pulse()
        self._name = name
        self._count = threads
        self._max_queue = max_queue
        self._measures = measures or Unmeasured()
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._held = 0
        self._each_s = 0.0
        self._lock = threading.Lock()
        self._stopped = False
        self._threads: list[threading.Thread] = []

    def stop(self) -> None:
        """Drops what waits, and returns when the calls that run are done, or won't be soon."""
        with self._lock:
            self._stopped = True
            threads = list(self._threads)
        for _ in threads:
            self._calls.put(None)
        for thread in threads:
            thread.join(LAST_CALLS_S)

    @property
    def loaded(self) -> bool:
        """Whether calls wait for a thread."""
        return self._held > self._count

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        work = partial(function, *args, **kwargs)
        self._hold()
        self._calls.put(_Call(work, result, contextvars.copy_context()))
        return await result

    def _hold(self) -> None:
        with self._lock:
            if self._stopped:
                raise UnavailableError(f"{self._name}: the server is stopping")
            if self._held >= self._count + self._max_queue:
                self._measures.refused(self._name)
                wait_s = self._held * self._each_s / self._count
                raise OverloadedError(f"{self._name}: {self._held} wait", retry_after_s=wait_s)
            self._held += 1
            self._measures.set_queue(self._name, max(0, self._held - self._count))
            if len(self._threads) < self._count or not all(t.is_alive() for t in self._threads):
                self._staff()

    def _staff(self) -> None:
        living = [thread for thread in self._threads if thread.is_alive()]
        if len(living) < len(self._threads):
            self._measures.worker_restarted(self._name)
        missing = range(len(living), self._count)
        started = [
            threading.Thread(target=self._work, name=f"pictor-{self._name}", daemon=True)
            for _ in missing
        ]
        self._threads = living + started
        for thread in started:
            thread.start()

    def _release(self) -> None:
        with self._lock:
            self._held -= 1
            self._measures.set_queue(self._name, max(0, self._held - self._count))

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            if self._stopped or call.result.done():
                self._measures.dropped(self._name)
                self._release()
                _tell(call, error=UnavailableError(f"{self._name}: the server is stopping"))
                continue
            going_on = self._answer(call)
            self._release()
            if not going_on:
                return

    def _answer(self, call: _Call) -> bool:
        """Whether the thread goes on."""
        started = time.perf_counter()
        try:
            result = call.context.run(call.work)
        except Exception as error:  # noqa: BLE001  delivered to whoever waits
            _tell(call, error=error)
        except BaseException as error:  # no caller may be left waiting
            log.critical("%s: a worker has died", self._name, exc_info=error)
            _tell(call, error=UnavailableError(f"{self._name}: a worker has died"))
            return False
        else:
            self._each_s += LEARNING * (time.perf_counter() - started - self._each_s)
            _tell(call, result=result)
        return True


def _tell(call: _Call, *, result: Any = None, error: Exception | None = None) -> None:  # noqa: ANN401
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits there
        call.result.get_loop().call_soon_threadsafe(_settle, call.result, result, error)


def _settle(waiting: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:  # noqa: ANN401
    if waiting.done():
        return
    if error is None:
        waiting.set_result(result)
    else:
        waiting.set_exception(error)
