"""Live changes of all callers, written one transaction after another.

Whatever additions wait while a transaction runs are written together in the next one, since a disk
makes many durable at little more than the cost of one. Where they cannot be written together, each
is tried alone, so that a failure reaches the caller who caused it and nobody else. Raises what
index/changes/adding.py raises, and OverloadedError when too many wait.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from index.changes.adding import Added, Addition, Deletion
from index.changes.delta import MANY_ROWS
from index.served import Collection
from models.space import Space
from service.model.workers import Workers
from service.settings import Settings
from service.telemetry.measures import Measures

TOGETHER = 64
COUNTED_EVERY = 1_000  # additions
WAIT_SHARE = 0.5  # of the time that a request has

log = logging.getLogger(__name__)

Waiting = tuple[Addition, "asyncio.Future[Added]"]


class Writing:
    def __init__(
        self,
        collection: Collection,
        spaces: tuple[Space, ...],
        settings: Settings,
        measures: Measures | None = None,
    ) -> None:
        self._collection = collection
        wait_s = WAIT_SHARE * settings.request_timeout_s
        self._live = collection.changes(wait_s, spaces)
        self._workers = Workers(
            "writing", threads=1, max_queue=settings.max_queue, measures=measures
        )
        self._waiting: deque[Waiting] = deque()
        self._running: asyncio.Task[None] | None = None
        self._uncounted = 0

    def stop(self) -> None:
        self._workers.stop()

    async def add(self, addition: Addition) -> Added:
        """Durable, and seen by every search, when it returns."""
        future: asyncio.Future[Added] = asyncio.get_running_loop().create_future()
        self._waiting.append((addition, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await future

    async def delete(self, item: str) -> Deletion:
        return await self._workers.run(self._deleted, item)

    async def finish_erasures(self) -> None:
        """What a process that was killed has deleted, and not erased any more."""
        await self._workers.run(self._live.finish_erasures)

    def _added(self, additions: Sequence[Addition]) -> list[Added]:
        added = self._live.add(additions)
        self._look()
        return added

    def _deleted(self, item: str) -> Deletion:
        (deletion,) = self._live.delete([item])
        self._look()
        return deletion

    def _look(self) -> None:
        """Have the change in memory before a search asks for it, and kept if a job then publishes
        another model's vectors."""
        with self._collection.snapshot():
            pass

    async def _run(self) -> None:
        while self._waiting:
            count = min(TOGETHER, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
            await self._write([each for each in batch if not each[1].done()])

    async def _count(self, added: int) -> None:
        """Now and then, see whether a job is due."""
        self._uncounted += added
        if self._uncounted < COUNTED_EVERY:
            return
        self._uncounted = 0
        rows = await self._workers.run(self._live.delta_rows)
        if rows > MANY_ROWS:
            log.warning(
                "%d pictures were added since the last job, and every search compares them all: "
                "`pictor index --out` makes segments of them, while this server goes on",
                rows,
            )

    async def _write(self, batch: Sequence[Waiting]) -> None:
        if not batch:
            return
        try:
            added = await self._workers.run(self._added, [addition for addition, _ in batch])
        except Exception as error:  # noqa: BLE001  delivered to whoever waits
            if len(batch) > 1:
                for each in batch:
                    await self._write([each])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        await self._count(len(added))
        for (_, future), one in zip(batch, added, strict=True):
            if not future.done():
                future.set_result(one)
