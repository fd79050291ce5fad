"""One pass over a job's sources: every file looked at, every new picture embedded.

A file whose stamp is known is not read. Threads read ahead of the encoder by a bounded number of
files, decoder processes decode for them, and their results are taken in the order of the walk.
From time to time everything so far is made durable, in the journal and a part file beside it.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

from index.building import IndexOptions
from index.counting import Expected
from index.decoders import DecoderLimits, Decoders
from index.embedding import LARGEST_BATCH, BatchSize, Embedder
from index.folder import CollectionFolder
from index.found import FoundImage
from index.items import Failure
from index.journal import Journal
from index.known import Known
from index.parts import write_part
from index.reading import Decoded, Missing, PictureDecoder, PictureReader, Reading
from index.sources import ImageSource
from models.decode import DecodeLimits
from models.encoders import ImageEncoder
from models.errors import ImageError, InputError


@dataclass(frozen=True)
class JobOptions:
    threads: int
    batch_size: int | None = None  # pictures through the encoder at once; found out where None
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    decoders: DecoderLimits = field(default_factory=DecoderLimits)
    index: IndexOptions = field(default_factory=IndexOptions)
    thumbnails: bool = True  # a collection that nobody looks at does without
    checkpoint_rows: int = 4096  # after as many new vectors, or
    checkpoint_s: float = 15.0  # after as long

    def __post_init__(self) -> None:
        if self.threads < 1 or (self.batch_size is not None and self.batch_size < 1):
            raise InputError(
                f"threads is {self.threads}, batch_size is {self.batch_size}: expected 1 or more"
            )


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
        encoder: ImageEncoder,
        *,
        options: JobOptions,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._known = known
        self._journal = journal
        self._encoder = encoder
        self._options = options
        self._clock = clock
        size = options.batch_size
        batch = BatchSize(size, size) if size else BatchSize()
        self._embedder = Embedder(encoder, batch, self._refuse)
        self._began = self._last_checkpoint = clock()
        self._found = self._done = self._failed = self._reused = 0
        self._walked = False
        self._expected: Expected | None = None

    def run(self, sources: Sequence[ImageSource], progress: Callable[[Progress], None]) -> Scanned:
        self._expected = Expected(sources)
        decode = PictureDecoder(self._encoder, self._options.limits)
        threads, limits = self._options.threads, self._options.decoders
        with (
            Decoders[Missing, Decoded](decode, count=threads, limits=limits) as decoders,
            closing(self._embedder),
        ):
            reader = PictureReader(self._known, decoders, self._options.limits)
            with closing(self._readings(reader, self._walk(sources, progress))) as readings:
                for reading in readings:
                    self._take(reading)
                    self._advance(progress)
                    self._checkpoint_when_due()
            self._checkpoint()
        return Scanned(self._embedder.embedded, self._reused)

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

    def _readings(
        self, reader: PictureReader, files: Iterator[FoundImage]
    ) -> Generator[Reading | Failure, None, None]:
        """In the order of the files."""
        threads = 2 * self._options.threads  # one half reads while the other's files are decoded
        ahead = threads + (self._options.batch_size or LARGEST_BATCH)
        with ThreadPoolExecutor(threads, "pictor-read") as pool:
            waiting: deque[tuple[FoundImage, Future[Reading]]] = deque()
            try:
                for found in files:
                    waiting.append((found, pool.submit(reader.read, found)))
                    while waiting and (len(waiting) > ahead or waiting[0][1].done()):
                        yield _result(*waiting.popleft())
                while waiting:
                    yield _result(*waiting.popleft())
            finally:
                for _, future in waiting:
                    future.cancel()
                if waiting:
                    reader.decoders.close()  # nobody wants what they are at

    def _take(self, reading: Reading | Failure) -> None:
        if isinstance(reading, Failure):
            self._fail(reading)
            return
        if reading.decoded is not None:
            self._keep(reading.decoded)
        elif reading.refused is not None:
            self._refuse(reading.id, reading.refused)
        else:
            self._reused += 1
        self._journal.add_occurrence(reading.found, reading.id)
        self._known.settle(reading.id)

    def _keep(self, decoded: Decoded) -> None:
        if decoded.thumbnail is not None:
            self._folder.stage_thumbnail(decoded.item.id, decoded.thumbnail)
        self._journal.add_item(decoded.item)
        if decoded.pixels is not None:
            self._embedder.add(decoded.item.id, decoded.pixels)

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
        embedded = self._embedder.embedded
        progress(Progress(self._done, self._failed, found, embedded, seconds))

    def _expected_now(self) -> int | None:
        number = self._expected.number if self._expected is not None else None
        return None if number is None else max(number, self._found)

    def _checkpoint_when_due(self) -> None:
        waited = self._clock() - self._last_checkpoint
        many = self._embedder.rows >= self._options.checkpoint_rows
        if many or waited >= self._options.checkpoint_s:
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Vectors first, then thumbnails, then the journal, which is what makes them count."""
        part = write_part(self._folder, self._embedder.take())
        self._folder.adopt("thumbnails")
        self._journal.checkpoint(part)
        self._last_checkpoint = self._clock()


def _result(found: FoundImage, future: Future[Reading]) -> Reading | Failure:
    try:
        return future.result()
    except ImageError as error:
        return Failure(found.source, found.path, str(error))
