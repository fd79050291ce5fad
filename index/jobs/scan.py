"""One pass over a job's sources: every file looked at, every new picture embedded.

A file whose stamp is known is not read; what becomes of the others is an engine's part
(index/jobs/engine.py). From time to time everything so far is made durable, in the journal and a
part file beside it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from index.folder import CollectionFolder
from index.found import FoundImage
from index.items import Failure
from index.jobs.counting import Expected
from index.jobs.engine import Engine, Made
from index.jobs.journal import Journal
from index.jobs.known import Known
from index.jobs.options import JobOptions
from index.jobs.parts import write_part
from index.jobs.reading import Decoded, Reading
from index.segments import Segment
from index.sources import ImageSource


@dataclass(frozen=True)
class Progress:
    done: int  # files that were looked at, good or bad
    failed: int
    found: int | None  # or will be, as far as is known; None while it is not
    embedded: int  # of those that were done
    seconds: float  # since the scan began


@dataclass(frozen=True)
class Scanned:
    embedded: int
    reused: int  # files whose content the collection, or a killed job, had already


class Scan:
    def __init__(  # noqa: PLR0913
        self,
        folder: CollectionFolder,
        known: Known,
        journal: Journal,
        engine: Engine,
        *,
        options: JobOptions,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._known = known
        self._journal = journal
        self._engine = engine
        self._options = options
        self._clock = clock
        self._rows: list[Segment] = []  # since the last checkpoint
        self._began = self._last_checkpoint = clock()
        self._found = self._done = self._failed = self._reused = self._embedded = 0
        self._walked = False
        self._expected: Expected | None = None

    def run(self, sources: Sequence[ImageSource], progress: Callable[[Progress], None]) -> Scanned:
        self._expected = Expected(sources)
        with closing(self._engine.run(self._walk(sources, progress), self._known)) as answers:
            for made in answers:
                self._take(made)
                self._advance(progress)
                self._checkpoint_when_due()
        self._checkpoint()
        return Scanned(self._embedded, self._reused)

    def _walk(
        self, sources: Sequence[ImageSource], progress: Callable[[Progress], None]
    ) -> Iterator[FoundImage]:
        """The files that have to be read; the others are done with here."""
        for source in sources:
            for found in source.walk(self._fail):
                self._found += 1
                item = self._known.item_at(found)
                if item is None:
                    yield found
                else:
                    self._journal.add_occurrence(found, item)
                    self._reused += 1
                    self._advance(progress)
        self._walked = True

    def _take(self, made: Made | Failure) -> None:
        if isinstance(made, Failure):
            self._fail(made)
            return
        reading = made.reading
        if reading.refused is not None:
            self._refuse(reading.id, reading.refused)
        elif reading.decoded is not None:
            self._keep(reading, reading.decoded, made.row)
        else:
            self._reused += 1
        self._journal.add_occurrence(reading.found, reading.id)
        self._known.settle(reading.id)

    def _keep(self, reading: Reading, decoded: Decoded, row: Segment | None) -> None:
        if decoded.thumbnail is not None:
            self._folder.stage_thumbnail(reading.id, decoded.thumbnail)
        self._journal.add_item(decoded.item)
        if row is not None:
            self._rows.append(row)
            self._embedded += 1

    def _fail(self, failure: Failure) -> None:
        self._failed += 1
        self._journal.add_failure(failure)

    def _refuse(self, item: str, reason: str) -> None:
        self._failed += 1
        self._journal.refuse(item, reason)

    def _advance(self, progress: Callable[[Progress], None]) -> None:
        self._done += 1
        found = self._found if self._walked else self._expected_now()
        seconds = self._clock() - self._began
        progress(Progress(self._done, self._failed, found, self._embedded, seconds))

    def _expected_now(self) -> int | None:
        number = self._expected.number if self._expected is not None else None
        return None if number is None else max(number, self._found)

    def _checkpoint_when_due(self) -> None:
        waited = self._clock() - self._last_checkpoint
        many = len(self._rows) >= self._options.checkpoint_rows
        if many or waited >= self._options.checkpoint_s:
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Vectors first, then thumbnails, then the journal, which is what makes them count."""
        part = write_part(self._folder, self._rows)
        self._rows = []
        self._folder.adopt("thumbnails")
        self._journal.checkpoint(part)
        self._last_checkpoint = self._clock()
