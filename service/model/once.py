"""What several callers ask for at a time, computed once.

`get(key, make)` awaits what `make` gives; who comes with the same key meanwhile awaits the same. A
failure reaches all of them. It is cancelled when the last of them has left. For one event loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Shared(Generic[T]):
    task: "asyncio.Task[T]"
    waiting: int = 0


class Once(Generic[T]):
    def __init__(self) -> None:
        self._running: dict[Hashable, _Shared[T]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        shared = self._running.get(key)
        if shared is None or shared.task.done():
            shared = self._running[key] = _Shared(asyncio.ensure_future(_made(make)))
        shared.waiting += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiting -= 1
            if not shared.waiting:
                shared.task.cancel()
                if self._running.get(key) is shared:
                    del self._running[key]


async def _made(make: Callable[[], Awaitable[T]]) -> T:
    return await make()
