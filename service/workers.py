"""A few threads for blocking work that is not batched: decoding pictures, reading the collection.

`run` waits for the result without holding the event loop. Work whose caller has gone away before it
started is dropped. Raises OverloadedError when every thread works and `max_queue` calls wait.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from service.errors import OverloadedError

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    def __init__(self, name: str, *, threads: int, max_queue: int) -> None:
        self._name = name
        self._most_held = threads + max_queue
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"pictor-{name}")
        self._held = 0
        self._lock = threading.Lock()

    def stop(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._hold()
        future = self._pool.submit(function, *args, **kwargs)
        future.add_done_callback(self._release)
        return await asyncio.wrap_future(future)

    def _hold(self) -> None:
        with self._lock:
            if self._held >= self._most_held:
                raise OverloadedError(f"{self._name}: {self._held} requests are held already")
            self._held += 1

    def _release(self, _: Future[Any]) -> None:
        with self._lock:
            self._held -= 1
