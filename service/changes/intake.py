"""What comes into a collection and leaves it: at once, or as a job.

A request for a few pictures is answered when they are added; one for more than `add_at_once`, or
one that does not want to wait, becomes a job. Where not one picture could be added the answer is a
problem, of the only picture's or of all alike; the outcomes of several are told with it.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from fastapi import Response

from index.served import Collection
from models.encoders import DualEncoder
from models.errors import CollectionError, InputError, PictorError, UnknownItemError
from service.changes.adding import Adding, Outcome, Sent
from service.changes.jobs import Jobs
from service.changes.preparing import Preparing
from service.changes.writing import Writing
from service.errors import NothingAddedError
from service.model.encoding import Encoding
from service.pictures.web import WebPictures
from service.problems import kind_of
from service.schemas.adding import AddAnswer, JobAnswer, add_answer
from service.settings import Settings
from service.telemetry.measures import Measures

log = logging.getLogger(__name__)


class Intake:
    def __init__(self, adding: Adding, files: Path, settings: Settings) -> None:
        self._adding = adding
        self._at_once = settings.add_at_once
        self.jobs = Jobs(adding, files, settings)

    @classmethod
    def of(  # noqa: PLR0913
        cls,
        collection: Collection,
        encoder: DualEncoder,
        encoding: Encoding,
        *,
        web: WebPictures,
        settings: Settings,
        measures: Measures,
    ) -> "Intake":
        preparing = Preparing(encoder, settings, measures)
        writing = Writing(collection, encoder.spaces, settings, measures)
        adding = Adding(encoding, preparing, writing, web, at_once=settings.max_batch)
        return cls(adding, collection.files, settings)

    @property
    def preparing(self) -> Preparing:
        return self._adding.preparing

    def fork(self) -> None:
        """Start its processes, before there are threads."""
        self._adding.start()

    async def start(self) -> None:
        try:
            await self._adding.writing.finish_erasures()
        except CollectionError as error:
            log.warning("what was deleted is still to be erased: %s", error)
        await self.jobs.start()

    async def stop(self) -> None:
        await self.jobs.stop()
        self._adding.stop()

    async def take(
        self, sent: Sequence[Sent], response: Response, *, wait: bool | None, prefer: str | None
    ) -> AddAnswer | JobAnswer:
        asked = prefers_async(prefer)
        if wait is False or (wait is None and (asked or len(sent) > self._at_once)):
            job = await self.jobs.submit(sent)
            response.status_code = 202
            response.headers["Location"] = job.url
            if asked:
                response.headers["Preference-Applied"] = "respond-async"
            return job
        outcomes = await self._adding.add(sent)
        _refuse_nothing(outcomes)
        answer = add_answer(outcomes)
        response.status_code = 201 if answer.added else 200
        return answer

    async def delete(self, item: str) -> None:
        """Raises UnknownItemError for what was never there."""
        if await self._adding.writing.delete(item) == "unknown":
            raise UnknownItemError(f"{item}: no such item in this collection")


def prefers_async(prefer: str | None) -> bool:
    """RFC 7240: preferences are separated by commas."""
    return any(part.strip().lower() == "respond-async" for part in (prefer or "").split(","))


def _refuse_nothing(outcomes: Sequence[Outcome]) -> None:
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if len(errors) < len(outcomes):
        return
    if len(errors) == 1:
        raise errors[0]
    raise NothingAddedError(_common(errors), add_answer(outcomes).model_dump()["images"])


def _common(errors: Sequence[PictorError]) -> PictorError:
    """The first where all are of its kind; else what holds for all."""
    kinds = {kind_of(error) for error in errors}
    return errors[0] if len(kinds) == 1 else InputError("none of the pictures could be added")
