"""What was sent to be added later, on disk until it is.

    incoming/<job>/job.json         what was asked, written last: a folder without it is no job
    incoming/<job>/0, 1, ...        the bytes that were sent; they go as the job ends
    incoming/<job>/outcomes.jsonl   one line a picture, in the order in which they ended
    incoming/<job>/finished         when it ended

A job is durable when `put` returns. Its outcomes are not: what a killed process has added and not
written down is added again, which changes nothing. Raises what keeps it from being written as
index/changes/unwritable.py does, and UnknownJobError.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from index.changes.unwritable import changing
from models.files import sync, write_whole
from service.changes.adding import Sent
from service.errors import UnknownJobError

FOLDER = "incoming"
ID = re.compile(r"[0-9a-f]{32}")
KEPT = 100  # jobs that are done, the latest


@dataclass(frozen=True)
class Spooled:
    id: str
    created_at: str  # ISO 8601, UTC
    finished_at: str | None
    pictures: tuple[dict[str, Any], ...]  # as they were sent, without their bytes
    outcomes: dict[int, dict[str, Any]]  # so far, by the picture's number


class Spool:
    def __init__(self, files: Path) -> None:
        self._folder = files.absolute() / FOLDER

    def put(self, sent: Sequence[Sent]) -> str:
        id_ = uuid4().hex
        unfinished = self._folder / f".{id_}"
        with changing(self._folder):
            try:
                unfinished.mkdir(parents=True)
                for number, each in enumerate(sent):
                    if each.data is not None:
                        (unfinished / str(number)).write_bytes(each.data)
                        sync(unfinished / str(number))
                write_whole(unfinished / "job.json", _manifest(sent))
                sync(unfinished)
                unfinished.rename(self._folder / id_)
            except OSError:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
            sync(self._folder)
        return id_

    def read(self, id_: str) -> Spooled:
        if not ID.fullmatch(id_):
            raise UnknownJobError(f"{id_}: no such job")
        place = self._folder / id_
        try:
            content = json.loads((place / "job.json").read_bytes())
        except FileNotFoundError as error:
            raise UnknownJobError(f"{id_}: no such job, or it was done long ago") from error
        finished = place / "finished"
        return Spooled(
            id_,
            content["created_at"],
            finished.read_text() if finished.exists() else None,
            tuple(content["pictures"]),
            dict(_outcomes(place / "outcomes.jsonl")),
        )

    def sent(self, job: Spooled, number: int) -> Sent:
        """One of its pictures, with its bytes."""
        said = job.pictures[number]
        file = self._folder / job.id / str(number)
        data = file.read_bytes() if said["url"] is None else None
        return Sent(data, said["url"], said["name"], said["caption"], said["metadata"])

    def record(self, id_: str, outcomes: Sequence[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(outcome) + "\n" for outcome in outcomes)
        with changing(self._folder), (self._folder / id_ / "outcomes.jsonl").open("a") as file:
            file.write(lines)

    def finish(self, id_: str) -> None:
        """Its bytes are in the collection, or were of no use."""
        place = self._folder / id_
        with changing(self._folder):
            write_whole(place / "finished", datetime.now(UTC).isoformat().encode())
            for file in place.iterdir():
                if file.name.isdecimal():
                    file.unlink()
        self._forget_old()

    def unfinished(self) -> list[str]:
        """Older ones first."""
        jobs = [job for job in self._jobs() if job.finished_at is None]
        return [job.id for job in sorted(jobs, key=lambda job: job.created_at)]

    @contextmanager
    def holding(self, id_: str) -> Iterator[bool]:
        """Whether this process may run the job: no other one does."""
        descriptor = os.open(self._folder / id_ / "job.json", os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(descriptor)

    def _jobs(self) -> Iterator[Spooled]:
        with suppress(FileNotFoundError):
            for place in self._folder.iterdir():
                with suppress(UnknownJobError):
                    yield self.read(place.name)

    def _forget_old(self) -> None:
        ends = [(job.finished_at, job.id) for job in self._jobs() if job.finished_at is not None]
        for _, id_ in sorted(ends)[:-KEPT]:
            shutil.rmtree(self._folder / id_, ignore_errors=True)


def _manifest(sent: Sequence[Sent]) -> bytes:
    pictures = [
        {"url": s.url, "name": s.name, "caption": s.caption, "metadata": s.metadata} for s in sent
    ]
    content = {"created_at": datetime.now(UTC).isoformat(), "pictures": pictures}
    return json.dumps(content).encode()


def _outcomes(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with suppress(FileNotFoundError), file.open() as lines:
        for line in lines:
            with suppress(ValueError):  # the last one of a process that was killed
                outcome = json.loads(line)
                yield outcome["index"], outcome
