"""The vectors of one generation, in memory: mapped segments, the indexes over them, and ids.

Loaded once and shared by every snapshot of its generation; never changed. A row is a position in
the concatenation of the segments, the same item in every space, and means nothing outside one
gallery.
"""

import re
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.catalogue import Catalogue
from index.faiss import FlatIndex, Nearest, index_name
from index.folder import CollectionFolder
from index.segments import Segment, Units, open_segment
from models.errors import CollectionError, SpaceError
from models.space import Space, named
from models.vectors import Embeddings, Vector

CHUNK_ROWS = 4096
ID = re.compile(r"[0-9a-f]{32}")

T = TypeVar("T")
Rows = NDArray[np.int64]


class VectorIndex(Protocol):
    def __len__(self) -> int: ...

    def search(self, vectors: Embeddings, k: int) -> Sequence[Nearest]:
        """For each vector (n, dim), nearest first: scores (m,) and rows (m,), m = min(k, rows
        held)."""
        ...


class Gallery:
    def __init__(
        self,
        generation: int,
        spaces: tuple[Space, ...],
        segments: Sequence[Segment],
        indexes: Sequence[VectorIndex],
    ) -> None:
        self.generation = generation
        self.spaces = spaces
        self._indexes = tuple(indexes)
        self._segments = tuple(segments)
        self._starts = np.cumsum([0, *(len(segment) for segment in segments)], dtype=np.int64)
        # an id is two big-endian halves, so that comparing numbers compares ids
        ids = [segment.ids.view(">u8").astype(np.uint64) for segment in segments]
        self._ids = np.concatenate([np.empty((0, 2), np.uint64), *ids])  # (n, 2)
        self._by_id = np.lexsort((self._ids[:, 1], self._ids[:, 0]))
        self._sorted_highs = self._ids[self._by_id, 0]
        self._made: dict[Hashable, Any] = {}
        self._making = threading.RLock()
        for index in indexes:
            if len(index) != len(self):
                raise CollectionError(f"index holds {len(index)} rows, its segments {len(self)}")

    @classmethod
    def load(cls, folder: CollectionFolder, catalogue: Catalogue) -> "Gallery":
        """Raises FileNotFoundError where a later generation has removed this one's files."""
        header, records = catalogue.header(), catalogue.segments()
        dimensions = [space.dimension for space in header.spaces]
        segments = [open_segment(folder.segments / r.name, r.rows, dimensions) for r in records]
        indexes = []
        for index, dimension in zip(catalogue.indexes(), dimensions, strict=True):
            if index.name != index_name(records, index.space):
                raise CollectionError(f"{folder.path}: index {index.name} is of other segments")
            indexes.append(FlatIndex.read(folder.indexes / index.name, dimension))
        return cls(header.generation, header.spaces, segments, indexes)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def position(self, space: Space) -> int:
        """Raises SpaceError, naming both, for a space that this collection does not hold."""
        if space not in self.spaces:
            raise SpaceError(
                f"query is of space {space}, the collection is of {named(self.spaces)}"
            )
        return self.spaces.index(space)

    def nearest(self, space: Space, vectors: Embeddings, k: int) -> Sequence[Nearest]:
        """For each vector (n, dim), nearest first, as the index has them: scores (m,) and rows
        (m,). Many at once cost far less than one by one."""
        return self._indexes[self.position(space)].search(vectors, k)

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

    def units(self, rows: Rows, space: Space) -> Units:
        """(m,) rows -> (m, dim) float16, in their order."""
        gathered = np.empty((len(rows), space.dimension), dtype=np.float16)
        position = self.position(space)
        held_by = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(held_by):
            mine, segment = held_by == number, self._segments[number]
            gathered[mine] = segment.vectors[position].units[rows[mine] - self._starts[number]]
        return gathered

    def embedding(self, row: int, space: Space) -> Vector:
        """(dim,) float32, as the model gave it, within float16's precision."""
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        vectors = self._segments[number].vectors[self.position(space)]
        within = row - self._starts[number]
        embedding: Vector = vectors.units[within].astype(np.float32) * vectors.norms[within]
        return embedding

    def chunks(self, spaces: Iterable[Space]) -> Iterator[tuple[Rows, dict[Space, Units]]]:
        """Every row once, in order, with its units of these spaces, in parts that are small enough
        to compute on."""
        positions = {space: self.position(space) for space in spaces}
        for start, segment in zip(self._starts, self._segments, strict=False):
            for first in range(0, len(segment), CHUNK_ROWS):
                last = min(first + CHUNK_ROWS, len(segment))
                units = {
                    space: segment.vectors[position].units[first:last]
                    for space, position in positions.items()
                }
                yield np.arange(start + first, start + last), units

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once for this generation."""
        with self._making:
            if key not in self._made:
                self._made[key] = make()
            made: T = self._made[key]
            return made
