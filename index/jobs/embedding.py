"""Prepared pictures to rows of a part, in batches through the encoder.

One batch is in the encoder, in a thread of its own, while the next one is gathered. The batch grows
while that makes the encoder faster, and is halved where it does not fit its memory.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from index.segments import Segment, Vectors, ids_to_rows
from models.encoders import ImageEncoder, split_spaces
from models.errors import ModelError, ModelMemoryError
from models.preprocess import Pixels
from models.vectors import Embeddings, directed, unit

Prepared = tuple[str, Pixels]  # an item's
Encoded = tuple[Embeddings, float]  # and the seconds that it took

FIRST_BATCH, LARGEST_BATCH = 32, 512
WORTH_IT = 1.05  # times as many pictures a second, or the batch stays as it is


@dataclass
class BatchSize:
    """How many pictures go through the encoder at once."""

    size: int = FIRST_BATCH
    largest: int = LARGEST_BATCH
    _fastest: float = 0.0  # pictures a second, so far

    @classmethod
    def of(cls, size: int | None) -> "BatchSize":
        """Always that many; found out where None."""
        return cls() if size is None else cls(size, size)

    def took(self, count: int, seconds: float) -> None:
        """A full batch went through: twice as many next, or as few as before for good."""
        if count < self.size or self.size >= self.largest:
            return
        rate = count / max(seconds, 1e-9)
        if rate > WORTH_IT * self._fastest:
            self._fastest, self.size = rate, min(2 * self.size, self.largest)
        else:
            self.size = self.largest = max(1, self.size // 2)

    def halve(self) -> bool:
        """Whether there is a smaller batch to try."""
        if self.size == 1:
            return False
        self.size = self.largest = self.size // 2
        return True


@dataclass
class Embedder:
    encoder: ImageEncoder
    batch: BatchSize
    refuse: Callable[[str, str], None]  # an item, and why
    clock: Callable[[], float] = time.perf_counter
    _waiting: list[Prepared] = field(default_factory=list)
    _encoding: tuple[list[Prepared], Future[Encoded]] | None = None
    _rows: list[Segment] = field(default_factory=list)
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, "pictor-encode")
    )

    def add(self, item: str, pixels: Pixels) -> None:
        self._waiting.append((item, pixels))
        while len(self._waiting) >= self.batch.size:
            self._finish_batch()
            self._start_batch()

    def finished(self) -> list[Segment]:
        """The rows since the last call that are there already."""
        rows, self._rows = self._rows, []
        return rows

    def take(self) -> list[Segment]:
        """The rows since the last call, those of the pictures that waited included."""
        while self._waiting or self._encoding:
            self._finish_batch()
            self._start_batch()
        return self.finished()

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    def _start_batch(self) -> None:
        batch, self._waiting = (
            self._waiting[: self.batch.size],
            self._waiting[self.batch.size :],
        )
        if batch:
            pixels = [pixels for _, pixels in batch]
            self._encoding = batch, self._thread.submit(self._encoded, pixels)

    def _encoded(self, pixels: list[Pixels]) -> Encoded:
        began = self.clock()
        embeddings = self.encoder.encode_images(pixels)
        return embeddings, self.clock() - began

    def _finish_batch(self) -> None:
        if self._encoding is None:
            return
        (batch, future), self._encoding = self._encoding, None
        try:
            embeddings, seconds = future.result()
        except ModelMemoryError:
            if not self.batch.halve():
                raise
            self._waiting = batch + self._waiting
            return
        self.batch.took(len(batch), seconds)
        self._keep([item for item, _ in batch], embeddings)

    def _keep(self, ids: list[str], embeddings: Embeddings) -> None:
        spaces = self.encoder.spaces
        expected = (len(ids), sum(space.dimension for space in spaces))
        if embeddings.shape != expected:
            raise ModelError(
                f"{spaces[0]}: gave embeddings {embeddings.shape}, expected {expected}"
            )
        each = [directed(part) for part in split_spaces(embeddings, spaces)]
        there = np.logical_and.reduce(each)
        for row in np.flatnonzero(~there):
            self.refuse(ids[row], "the model's embedding of it has no direction")
        kept = [ids[row] for row in np.flatnonzero(there)]
        if not kept:
            return
        parts = [unit(part) for part in split_spaces(embeddings[there], spaces)]
        vectors = tuple(Vectors(units.astype(np.float16), norms) for units, norms in parts)
        self._rows.append(Segment(ids_to_rows(kept), vectors))
