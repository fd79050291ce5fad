"""What never changes of a generation, in memory: mapped segments, the indexes over them, and ids.

Loaded once, and shared by every gallery of its generation, whatever was added and deleted since. A
row is a position in the concatenation of the segments. An index covers the first rows; what came
after it was built is searched exactly, beside it.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.faiss import FaissIndex, exact_index
from index.overview.layouts import Layout
from index.segments import Segment, Units
from index.vectors.live_rows import Keys, keys_of
from index.vectors.neighbours import Rows, TunedIndex
from models.errors import CollectionError
from models.space import Space

NO_ROWS: Rows = np.empty(0, np.int64)

T = TypeVar("T")


@dataclass(frozen=True)
class Held:
    """What a generation is made of; `indexes`, one a space, cover the first of the segments."""

    segments: Sequence[Segment]
    indexes: Sequence[TunedIndex]
    dead: Rows = field(default_factory=lambda: NO_ROWS)
    layout: Layout | None = None  # that a job has made of the overview


class Frozen:
    def __init__(self, generation: int, spaces: tuple[Space, ...], held: Held) -> None:
        self.generation = generation
        self.spaces = spaces
        self.layout = held.layout
        self.segments = tuple(held.segments)
        sizes = [len(segment) for segment in self.segments]
        self.starts = np.cumsum([0, *sizes], dtype=np.int64)
        self.alive: NDArray[np.bool_] = np.ones(len(self), dtype=np.bool_)
        self.alive[held.dead] = False
        self.coverings = tuple(held.indexes)
        self.besides = tuple(self._beside(n, index) for n, index in enumerate(held.indexes))
        self.keys: Keys = np.concatenate(
            [np.empty((0, 2), np.uint64), *(keys_of(segment) for segment in self.segments)]
        )
        living = np.flatnonzero(self.alive)
        self._by_id = living[np.lexsort((self.keys[living, 1], self.keys[living, 0]))]
        self._sorted_highs = self.keys[self._by_id, 0]
        self._made: dict[Hashable, tuple[int, Any]] = {}
        self._making = threading.RLock()

    def __len__(self) -> int:
        """Of all rows, dead ones included."""
        return int(self.starts[-1])

    def units(self, space: int) -> list[Units]:
        return [segment.vectors[space].units for segment in self.segments]

    def _beside(self, space: int, covering: TunedIndex) -> FaissIndex | None:
        rows = len(covering.index)
        if rows not in self.starts:
            raise CollectionError(f"index holds {rows} rows, segments end at {self.starts}")
        others = self.units(space)[int(np.searchsorted(self.starts, rows)) :]
        return exact_index(self.spaces[space].dimension, others) if others else None

    def rows_of(self, keys: Keys) -> Rows:
        """(m, 2) -> (m,): the row of each of these ids, -1 for one that no job has published."""
        at = np.searchsorted(self._sorted_highs, keys[:, 0])
        rows = np.full(len(keys), -1, dtype=np.int64)
        inside = at < len(self._by_id)
        rows[inside] = self._by_id[at[inside]]
        wrong = ~inside
        wrong[inside] = (self.keys[rows[inside]] != keys[inside]).any(axis=1)
        # unknown ids, and those that begin as another does
        for number in np.flatnonzero(wrong).tolist():
            rows[number] = self._row(keys[number])
        return rows

    def _row(self, key: NDArray[np.uint64]) -> int:
        first = np.searchsorted(self._sorted_highs, key[0], side="left")
        last = np.searchsorted(self._sorted_highs, key[0], side="right")
        rows = self._by_id[first:last]
        same = rows[self.keys[rows, 1] == key[1]]
        return int(same[0]) if len(same) else -1

    def once(self, key: Hashable, make: Callable[[], T], age: int = 0) -> T:
        """What `make` gave when this was last asked of the same age."""
        with self._making:
            held = self._made.get(key)
            if held is None or held[0] != age:
                held = self._made[key] = (age, make())
            made: T = held[1]
            return made
