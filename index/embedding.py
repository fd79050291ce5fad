"""Prepared pictures to rows of a segment, in batches through the encoder."""

from dataclasses import dataclass, field

import numpy as np

from index.segments import Segment, SegmentWriter, Vectors, ids_to_rows
from models.encoders import ImageEncoder, split_spaces
from models.errors import ModelError
from models.preprocess import Pixels
from models.vectors import Embeddings, directed, unit


@dataclass
class Embedder:
    encoder: ImageEncoder
    writer: SegmentWriter
    batch_size: int
    embedded: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)  # id -> why
    _waiting: list[tuple[str, Pixels]] = field(default_factory=list)

    def add(self, item: str, pixels: Pixels) -> None:
        self._waiting.append((item, pixels))
        if len(self._waiting) >= self.batch_size:
            self.flush()

    def flush(self) -> None:
        if not self._waiting:
            return
        ids = [item for item, _ in self._waiting]
        embeddings = self.encoder.encode_images([pixels for _, pixels in self._waiting])
        self._waiting = []
        spaces = self.encoder.spaces
        expected = (len(ids), sum(space.dimension for space in spaces))
        if embeddings.shape != expected:
            raise ModelError(
                f"{spaces[0]}: gave embeddings {embeddings.shape}, expected {expected}"
            )
        each = [directed(part) for part in split_spaces(embeddings, spaces)]
        there = np.logical_and.reduce(each)
        for row in np.flatnonzero(~there):
            self.refused[ids[row]] = "the model's embedding of it has no direction"
        self._write([ids[row] for row in np.flatnonzero(there)], embeddings[there])

    def _write(self, ids: list[str], embeddings: Embeddings) -> None:
        if not ids:
            return
        parts = [unit(part) for part in split_spaces(embeddings, self.encoder.spaces)]
        vectors = tuple(Vectors(units.astype(np.float16), norms) for units, norms in parts)
        self.writer.append(Segment(ids_to_rows(ids), vectors))
        self.embedded.update(ids)
