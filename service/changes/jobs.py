"""Pictures that are added behind the request that sent them, one job after another.

A job is on disk (service/changes/spool.py) before its request is answered, and goes on after a
restart, however the server ended. What cannot be done now (the model's queue is full, another
writer holds the collection) is tried again; where nothing can be, since the collection is of
another model by now or the server is stopping, the job waits for the next start. Raises
OverloadedError while `max_jobs` are not done, UnknownJobError for one that is not known.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from models.errors import LockedError, PictorError, SpaceError
from models.machine import available_threads
from service.changes.adding import Adding, Outcome, Sent
from service.changes.spool import Spool, Spooled
from service.errors import OverloadedError, UnavailableError
from service.model.workers import Workers
from service.schemas.adding import AddedImage, JobAnswer, image_answer
from service.settings import Settings

ATTEMPTS = 10
LONGEST_WAIT_S = 30.0

log = logging.getLogger(__name__)


class PausedError(PictorError):
    """Nothing can be added until the server starts again."""


class Jobs:
    def __init__(self, adding: Adding, files: Path, settings: Settings) -> None:
        self._adding = adding
        self._spool = Spool(files)
        self._at_once = settings.max_batch
        self._max_jobs = settings.max_jobs
        self._disk = Workers("jobs", threads=available_threads(), max_queue=settings.max_queue)
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._unfinished: dict[str, None] = {}
        self._runner: asyncio.Task[None] | None = None

    async def start(self) -> None:
        for id_ in await self._disk.run(self._spool.unfinished):
            self._enqueue(id_)
        self._runner = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._runner is not None:
            self._runner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._runner
        self._disk.stop()

    async def submit(self, sent: Sequence[Sent]) -> JobAnswer:
        if len(self._unfinished) >= self._max_jobs:
            raise OverloadedError(f"jobs: {len(self._unfinished)} are not done", retry_after_s=10)
        id_ = await self._disk.run(self._spool.put, sent)
        self._enqueue(id_)
        return await self.get(id_, 0, 0)

    async def get(self, id_: str, first: int, limit: int) -> JobAnswer:
        """With the outcomes from the first on, at most so many."""
        job = await self._disk.run(self._spool.read, id_)
        status = "queued" if not job.outcomes else "running"
        outcomes = [AddedImage(**job.outcomes[number]) for number in sorted(job.outcomes)]
        counts = [outcome.status for outcome in outcomes]
        return JobAnswer(
            id=id_,
            status="done" if job.finished_at else status,  # type: ignore[arg-type]
            url=f"/v1/jobs/{id_}",
            created_at=job.created_at,  # type: ignore[arg-type]
            finished_at=job.finished_at,  # type: ignore[arg-type]
            total=len(job.pictures),
            added=counts.count("added"),
            known=counts.count("known"),
            failed=counts.count("failed"),
            images=outcomes[first : first + limit],
        )

    def _enqueue(self, id_: str) -> None:
        self._unfinished[id_] = None
        self._waiting.put_nowait(id_)

    async def _run(self) -> None:
        while True:
            id_ = await self._waiting.get()
            try:
                await self._run_job(id_)
            except PausedError as error:
                log.warning("job %s waits for the next start: %s", id_, error)
                return
            except Exception:  # a job must not end the others
                log.exception("job %s waits for the next start", id_)
            self._unfinished.pop(id_, None)

    async def _run_job(self, id_: str) -> None:
        with self._spool.holding(id_) as is_ours:
            if not is_ours:
                return
            job = await self._disk.run(self._spool.read, id_)
            left = (n for n in range(len(job.pictures)) if n not in job.outcomes)
            while numbers := list(islice(left, self._at_once)):
                outcomes = await asyncio.gather(*(self._add(job, number) for number in numbers))
                answers = [
                    image_answer(number, outcome).model_dump()
                    for number, outcome in zip(numbers, outcomes, strict=True)
                ]
                await self._disk.run(self._spool.record, id_, answers)
            await self._disk.run(self._spool.finish, id_)

    async def _add(self, job: Spooled, number: int) -> Outcome:
        sent = await self._disk.run(self._spool.sent, job, number)
        outcome = await self._adding.add_one(sent)
        for wait_s in _waits():
            if isinstance(outcome.error, SpaceError | UnavailableError):
                raise PausedError(str(outcome.error))
            if not isinstance(outcome.error, OverloadedError | LockedError):
                break
            await asyncio.sleep(wait_s)
            outcome = await self._adding.add_one(sent)
        return outcome


def _waits() -> Iterator[float]:
    return (min(LONGEST_WAIT_S, 0.5 * 2**attempt) for attempt in range(ATTEMPTS))
