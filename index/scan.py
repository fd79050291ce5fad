"""One pass over a job's sources: every file read, every new picture embedded.

Threads read ahead of the encoder by a bounded number of files, and their results are taken in the
order of the walk.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property

from index.embedding import Embedder
from index.folder import CollectionFolder
from index.found import FoundImage
from index.items import Failure, Item, Occurrence
from index.previous import Previous
from index.reading import PictureReader, Reading
from index.segments import SegmentWriter
from index.sources import ImageSource
from models.decode import DecodeLimits
from models.encoders import ImageEncoder
from models.errors import ImageError, InputError


@dataclass(frozen=True)
class JobOptions:
    threads: int
    batch_size: int = 64
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    thumbnails: bool = True  # a collection that nobody looks at does without

    def __post_init__(self) -> None:
        if self.threads < 1 or self.batch_size < 1:
            raise InputError(
                f"threads is {self.threads}, batch_size is {self.batch_size}: expected 1 or more"
            )


@dataclass(frozen=True)
class Progress:
    done: int  # files that were read, good or bad
    failed: int
    found: int | None  # None while the sources are still being walked


@dataclass(frozen=True)
class Scanned:
    occurrences: list[tuple[str, Occurrence]]  # by item
    read: list[Item]  # items that were read anew, without their occurrences
    failures: list[Failure]
    embedded: int

    @cached_property
    def ids(self) -> set[str]:
        return {id_ for id_, _ in self.occurrences}


class Scan:
    def __init__(
        self,
        folder: CollectionFolder,
        previous: Previous,
        encoder: ImageEncoder,
        writer: SegmentWriter,
        *,
        options: JobOptions,
    ) -> None:
        self._options = options
        self._embedder = Embedder(encoder, writer, options.batch_size)
        self._reader = PictureReader(
            encoder,
            options.limits,
            folder,
            catalogued=previous.catalogued,
            embedded=previous.embedded,
            thumbnails=options.thumbnails,
        )
        self._found = 0
        self._walked = False
        self._failures: list[Failure] = []
        self._refused: dict[str, str] = {}  # id -> why
        self._read: list[Reading] = []

    def run(self, sources: Sequence[ImageSource], progress: Callable[[Progress], None]) -> Scanned:
        with closing(self._readings(self._walk(sources))) as readings:
            for done, reading in enumerate(readings, start=1):
                if reading is not None:
                    self._take(reading)
                failed = len(self._failures) + len(self._refused)
                progress(Progress(done, failed, self._found if self._walked else None))
        self._embedder.flush()
        return self._scanned()

    def _walk(self, sources: Sequence[ImageSource]) -> Iterator[FoundImage]:
        for source in sources:
            for found in source.walk(self._failures.append):
                self._found += 1
                yield found
        self._walked = True

    def _readings(self, files: Iterator[FoundImage]) -> Generator[Reading | None, None, None]:
        """In the order of the files; None for one that cannot be read."""
        ahead = 2 * self._options.threads + self._options.batch_size
        with ThreadPoolExecutor(self._options.threads, "pictor-read") as pool:
            waiting: deque[tuple[FoundImage, Future[Reading]]] = deque()
            try:
                for found in files:
                    waiting.append((found, pool.submit(self._reader.read, found)))
                    if len(waiting) > ahead:
                        yield self._result(*waiting.popleft())
                while waiting:
                    yield self._result(*waiting.popleft())
            finally:
                for _, future in waiting:
                    future.cancel()

    def _result(self, found: FoundImage, future: Future[Reading]) -> Reading | None:
        try:
            return future.result()
        except ImageError as error:
            self._failures.append(Failure(found.source, found.path, str(error)))
            return None

    def _take(self, reading: Reading) -> None:
        if reading.refused is not None:
            self._refused[reading.id] = reading.refused
        if reading.pixels is not None:
            self._embedder.add(reading.id, reading.pixels)
        self._read.append(replace(reading, pixels=None))

    def _scanned(self) -> Scanned:
        """Whether a content will do is known only now: a copy may have come before its decoding."""
        refused = self._refused | self._embedder.refused
        failures = [
            Failure(r.found.source, r.found.path, refused[r.id])
            for r in self._read
            if r.id in refused
        ]
        taken = [reading for reading in self._read if reading.id not in refused]
        return Scanned(
            occurrences=[(reading.id, _occurrence(reading.found)) for reading in taken],
            read=[reading.item for reading in taken if reading.item is not None],
            failures=self._failures + failures,
            embedded=len(self._embedder.embedded),
        )


def _occurrence(found: FoundImage) -> Occurrence:
    return Occurrence(found.source, found.path, found.caption, found.metadata)
