"""This machine's threads, decoder processes and model.

Threads read ahead of the encoder by a bounded number of files, decoder processes decode for them,
and their results are taken in the order of the files; pictures are given once their batch has been
through the encoder.
"""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace

from index.found import FoundImage
from index.items import Failure
from index.jobs.decoders import Decoders
from index.jobs.embedding import LARGEST_BATCH, BatchSize, Embedder
from index.jobs.engine import Made
from index.jobs.known import Known
from index.jobs.options import JobOptions
from index.jobs.reading import Decoded, Missing, PictureDecoder, PictureReader, Reading
from index.segments import Segment, rows_to_ids
from models.encoders import ImageEncoder
from models.errors import ImageError


@dataclass(frozen=True)
class LocalEngine:
    encoder: ImageEncoder
    options: JobOptions

    def run(
        self, files: Iterator[FoundImage], known: Known
    ) -> Generator[Made | Failure, None, None]:
        decode = PictureDecoder(self.encoder, self.options.limits)
        threads, limits = self.options.threads, self.options.decoders
        batches = Batches(self.encoder, self.options.batch_size)
        with (
            Decoders[Missing, Decoded](decode, count=threads, limits=limits) as decoders,
            closing(batches),
        ):
            reader = PictureReader(known, decoders, self.options.limits)
            with closing(self._readings(reader, files)) as readings:
                for reading in readings:
                    yield from batches.take(reading)
            yield from batches.rest()

    def _readings(
        self, reader: PictureReader, files: Iterator[FoundImage]
    ) -> Generator[Reading | Failure, None, None]:
        """In the order of the files."""
        threads = 2 * self.options.threads  # one half reads while the other's files are decoded
        ahead = threads + (self.options.batch_size or LARGEST_BATCH)
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


@dataclass
class Batches:
    """Readings wait here for their rows."""

    encoder: ImageEncoder
    size: int | None  # found out where None
    _waiting: dict[str, Reading] = field(default_factory=dict)  # by item
    _refused: list[Reading] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._embedder = Embedder(self.encoder, BatchSize.of(self.size), self._refuse)

    def close(self) -> None:
        self._embedder.close()

    def take(self, reading: Reading | Failure) -> Iterator[Made | Failure]:
        """It, or those that are whole by now."""
        if isinstance(reading, Failure):
            yield reading
        elif reading.decoded is None or reading.decoded.pixels is None:
            yield Made(reading)
        else:
            pixels, decoded = reading.decoded.pixels, replace(reading.decoded, pixels=None)
            self._waiting[reading.id] = replace(reading, decoded=decoded)
            self._embedder.add(reading.id, pixels)
            yield from self._whole(self._embedder.finished())

    def rest(self) -> Iterator[Made]:
        yield from self._whole(self._embedder.take())

    def _whole(self, rows: Sequence[Segment]) -> Iterator[Made]:
        refused, self._refused = self._refused, []
        yield from map(Made, refused)
        for segment in rows:
            for at, item in enumerate(rows_to_ids(segment.ids)):
                yield Made(self._waiting.pop(item), segment.rows([at]))

    def _refuse(self, item: str, reason: str) -> None:
        self._refused.append(replace(self._waiting.pop(item), decoded=None, refused=reason))


def _result(found: FoundImage, future: Future[Reading]) -> Reading | Failure:
    try:
        return future.result()
    except ImageError as error:
        return Failure(found.source, found.path, str(error))
