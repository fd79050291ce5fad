"""The vectors of one generation, in memory: mapped segments, the index over them, and ids.

Loaded once and shared by every snapshot of its generation; never changed. A row is a position in
the concatenation of the segments, and means nothing outside one gallery.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.catalogue import Catalogue
from index.faiss import FlatIndex, index_name
from index.folder import CollectionFolder
from index.segments import Segment, Units, open_segment
from models.errors import CollectionError
from models.space import Space
from models.vectors import Vector

CHUNK_ROWS = 4096
ID = re.compile(r"[0-9a-f]{32}")

Rows = NDArray[np.int64]


class VectorIndex(Protocol):
    def __len__(self) -> int: ...

    def search(self, vector: Vector, k: int) -> tuple[NDArray[np.float32], Rows]:
        """Nearest first: scores (m,) and rows (m,), m = min(k, rows held)."""
        ...


class Gallery:
    def __init__(
        self, generation: int, space: Space, segments: Sequence[Segment], index: VectorIndex
    ) -> None:
        self.generation = generation
        self.space = space
        self.index = index
        self._segments = tuple(segments)
        self._starts = np.cumsum([0, *(len(segment) for segment in segments)], dtype=np.int64)
        # an id is two big-endian halves, so that comparing numbers compares ids
        ids = [segment.ids.view(">u8").astype(np.uint64) for segment in segments]
        self._ids = np.concatenate([np.empty((0, 2), np.uint64), *ids])  # (n, 2)
        self._by_id = np.lexsort((self._ids[:, 1], self._ids[:, 0]))
        self._sorted_highs = self._ids[self._by_id, 0]
        if len(index) != len(self):
            raise CollectionError(f"index holds {len(index)} rows, its segments {len(self)}")

    @classmethod
    def load(cls, folder: CollectionFolder, catalogue: Catalogue) -> "Gallery":
        """Raises FileNotFoundError where a later generation has removed this one's files."""
        header, records, index = catalogue.header(), catalogue.segments(), catalogue.index()
        if index.name != index_name(records):
            raise CollectionError(f"{folder.path}: index {index.name} is of other segments")
        dimension = header.space.dimension
        segments = [open_segment(folder.segments / r.name, r.rows, dimension) for r in records]
        flat = FlatIndex.read(folder.indexes / index.name, dimension)
        return cls(header.generation, header.space, segments, flat)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def row(self, item: str) -> int | None:
        """The row of an id; None for an unknown id or what is not an id at all."""
        if not ID.fullmatch(item):
            return None
        key = np.frombuffer(bytes.fromhex(item), dtype=">u8").astype(np.uint64)
        first = np.searchsorted(self._sorted_highs, key[0], side="left")
        last = np.searchsorted(self._sorted_highs, key[0], side="right")
        rows = self._by_id[first:last]
        same = rows[self._ids[rows, 1] == key[1]]
        return int(same[0]) if len(same) else None

    def ids(self, rows: Rows) -> list[str]:
        return [pair.tobytes().hex() for pair in self._ids[rows].astype(">u8")]

    def id_keys(self, rows: Rows) -> NDArray[np.uint64]:
        """(m, 2): ordered as the ids are, first column first."""
        keys: NDArray[np.uint64] = self._ids[rows]
        return keys

    def units(self, rows: Rows) -> Units:
        """(m,) rows -> (m, dim) float16, in their order."""
        gathered = np.empty((len(rows), self.space.dimension), dtype=np.float16)
        held_by = np.searchsorted(self._starts, rows, side="right") - 1
        for position, segment in enumerate(self._segments):
            mine = held_by == position
            gathered[mine] = segment.units[rows[mine] - self._starts[position]]
        return gathered

    def embedding(self, row: int) -> Vector:
        """(dim,) float32, as the model gave it, within float16's precision."""
        position = int(np.searchsorted(self._starts, row, side="right")) - 1
        segment, within = self._segments[position], row - self._starts[position]
        embedding: Vector = segment.units[within].astype(np.float32) * segment.norms[within]
        return embedding

    def chunks(self) -> Iterator[tuple[Rows, Units]]:
        """Every row once, in order, in parts that are small enough to compute on."""
        for start, segment in zip(self._starts, self._segments, strict=False):
            for first in range(0, len(segment), CHUNK_ROWS):
                units = segment.units[first : first + CHUNK_ROWS]
                yield np.arange(start + first, start + first + len(units)), units
