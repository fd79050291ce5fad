"""The vectors of one generation, in memory: mapped segments, the indexes over them, and ids.

Loaded once and shared by every snapshot of its generation; never changed. A row is a position in
the concatenation of the segments, the same item in every space, and means nothing outside one
gallery. Rows whose items have left are dead: nothing here ever names one. An index covers the first
rows; what came after it was built is searched exactly, beside it.
"""

import re
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.catalogue import Catalogue
from index.faiss import Nearest, exact_index
from index.folder import CollectionFolder
from index.indexes import dead_rows, open_index
from index.neighbours import Mask, Neighbours, Rows, TunedIndex
from index.segments import Segment, Units, open_segment
from index.units import StackedUnits
from models.errors import CollectionError, SpaceError
from models.query import Likeness
from models.space import Space, named
from models.vectors import Embeddings, Vector

__all__ = ["CHUNK_ROWS", "NO_ROWS", "Gallery", "Held", "Mask", "Rows"]

CHUNK_ROWS = 4096
ID = re.compile(r"[0-9a-f]{32}")

T = TypeVar("T")
NO_ROWS: Rows = np.empty(0, np.int64)


@dataclass(frozen=True)
class Held:
    """What a gallery is made of; `indexes`, one a space, cover the first of the segments."""

    segments: Sequence[Segment]
    indexes: Sequence[TunedIndex]
    dead: Rows = field(default_factory=lambda: NO_ROWS)


class Gallery:
    def __init__(self, generation: int, spaces: tuple[Space, ...], held: Held) -> None:
        self.generation = generation
        self.spaces = spaces
        self._segments = tuple(held.segments)
        sizes = [len(segment) for segment in self._segments]
        self._starts = np.cumsum([0, *sizes], dtype=np.int64)
        self._alive = np.ones(len(self), dtype=np.bool_)
        self._alive[held.dead] = False
        self._has_dead = len(held.dead) > 0
        self._neighbours = tuple(
            self._neighbours_of(position, index) for position, index in enumerate(held.indexes)
        )
        # an id is two big-endian halves, so that comparing numbers compares ids
        ids = [segment.ids.view(">u8").astype(np.uint64) for segment in self._segments]
        self._ids = np.concatenate([np.empty((0, 2), np.uint64), *ids])  # (n, 2)
        self.rows: Rows = np.flatnonzero(self._alive)  # those that live, rising
        living = self._ids[self.rows]
        self._by_id = self.rows[np.lexsort((living[:, 1], living[:, 0]))]
        self._sorted_highs = self._ids[self._by_id, 0]
        self._made: dict[Hashable, Any] = {}
        self._making = threading.RLock()

    @classmethod
    def load(cls, folder: CollectionFolder, catalogue: Catalogue) -> "Gallery":
        """Raises FileNotFoundError where a later generation has removed this one's files."""
        header, records = catalogue.header(), catalogue.segments()
        dimensions = [space.dimension for space in header.spaces]
        segments = [open_segment(folder.segments / r.name, r.rows, dimensions) for r in records]
        indexes = [
            open_index(folder.indexes, record, records, dimension)
            for record, dimension in zip(catalogue.indexes(), dimensions, strict=True)
        ]
        dead = dead_rows(records, catalogue.dead())
        return cls(header.generation, header.spaces, Held(segments, indexes, dead))

    def _neighbours_of(self, position: int, covering: TunedIndex) -> Neighbours:
        units = [segment.vectors[position].units for segment in self._segments]
        rows = len(covering.index)
        if rows not in self._starts:
            raise CollectionError(f"index holds {rows} rows, segments end at {self._starts}")
        others = units[int(np.searchsorted(self._starts, rows)) :]
        beside = exact_index(self.spaces[position].dimension, others) if others else None
        return Neighbours(StackedUnits(units), covering, beside)

    def __len__(self) -> int:
        """Of all rows, dead ones included: a row is always less."""
        return int(self._starts[-1])

    @property
    def count(self) -> int:
        """Of the rows that live: the items."""
        return len(self.rows)

    def position(self, space: Space) -> int:
        """Raises SpaceError, naming both, for a space that this collection does not hold."""
        if space not in self.spaces:
            raise SpaceError(
                f"query is of space {space}, the collection is of {named(self.spaces)}"
            )
        return self.spaces.index(space)

    @property
    def exact(self) -> bool:
        """Whether `nearest` misses nothing."""
        return all(each.exact for each in self._neighbours)

    def nearest(
        self,
        space: Space,
        vectors: Embeddings,
        k: int,
        *,
        among: Mask | None = None,
        likeness: Likeness = "text",
    ) -> list[Nearest]:
        """For each vector (n, dim), nearest first: scores (m,) and rows (m,), m <= k; of the rows
        that `among` marks (len(gallery),), where it is given. Many at once cost far less than one
        by one; a text's likes are looked for harder than a picture's, so it is what is assumed."""
        wanted = among
        if self._has_dead:
            wanted = self._alive if among is None else among & self._alive
        return self._neighbours[self.position(space)].nearest(vectors, k, likeness, wanted)

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

    def rows_of(self, items: Sequence[str]) -> Rows:
        """(m,): the row of each of these ids, -1 for one that is not held."""
        asked = np.frombuffer(bytes.fromhex("".join(items)), dtype=">u8").reshape(-1, 2)
        keys = asked.astype(np.uint64)
        at = np.searchsorted(self._sorted_highs, keys[:, 0])
        rows = np.full(len(keys), -1, dtype=np.int64)
        inside = at < len(self._by_id)
        rows[inside] = self._by_id[at[inside]]
        wrong = ~inside
        wrong[inside] = (self._ids[rows[inside]] != keys[inside]).any(axis=1)
        # unknown ids, and those that begin as another does
        for number in np.flatnonzero(wrong).tolist():
            row = self.row(items[number])
            rows[number] = -1 if row is None else row
        return rows

    def living(self, rows: Rows) -> Rows:
        """Those of the rows that are not dead."""
        return rows[self._alive[rows]]

    def ids(self, rows: Rows) -> list[str]:
        return [pair.tobytes().hex() for pair in self._ids[rows].astype(">u8")]

    def id_keys(self, rows: Rows) -> NDArray[np.uint64]:
        """(m, 2): ordered as the ids are, first column first."""
        keys: NDArray[np.uint64] = self._ids[rows]
        return keys

    def units(self, rows: Rows, space: Space) -> Units:
        """(m,) rows -> (m, dim) float16, in their order."""
        if not len(rows):
            return np.empty((0, space.dimension), np.float16)
        return self._neighbours[self.position(space)].units.take(rows)

    def embedding(self, row: int, space: Space) -> Vector:
        """(dim,) float32, as the model gave it, within float16's precision."""
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        vectors = self._segments[number].vectors[self.position(space)]
        within = row - self._starts[number]
        embedding: Vector = vectors.units[within].astype(np.float32) * vectors.norms[within]
        return embedding

    def chunks(self, spaces: Iterable[Space]) -> Iterator[tuple[Rows, dict[Space, Units]]]:
        """Every row that lives once, in order, with its units of these spaces, in parts that are
        small enough to compute on."""
        positions = {space: self.position(space) for space in spaces}
        for start, segment in zip(self._starts, self._segments, strict=False):
            for first in range(0, len(segment), CHUNK_ROWS):
                last = min(first + CHUNK_ROWS, len(segment))
                units = {
                    space: segment.vectors[position].units[first:last]
                    for space, position in positions.items()
                }
                rows = np.arange(start + first, start + last)
                if self._has_dead:
                    living = self._alive[start + first : start + last]
                    rows = rows[living]
                    units = {space: each[living] for space, each in units.items()}
                yield rows, units

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once for this generation."""
        with self._making:
            if key not in self._made:
                self._made[key] = make()
            made: T = self._made[key]
            return made
