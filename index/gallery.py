"""The vectors that a snapshot sees: those of its generation, and those that were added since.

Never changed: a change makes another gallery, which shares all that is large, and the snapshots of
one state share one gallery. A row is a position in the concatenation of the segments and of what
was added since, the same item in every space, and means nothing outside one gallery. Rows whose
items have left are dead: nothing here ever names one.
"""

import re
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.catalogue import Catalogue
from index.changes.delta import Changes, changes_of_generation
from index.faiss import Nearest
from index.folder import CollectionFolder
from index.overview.layouts import Layout, open_layout
from index.segments import Ids, Norms, Segment, Units, open_segment
from index.vectors.frozen import NO_ROWS, Frozen, Held
from index.vectors.indexes import dead_rows, open_index
from index.vectors.live_rows import LiveRows
from index.vectors.neighbours import Mask, Neighbours, Rows
from index.vectors.units import StackedUnits
from models.errors import CollectionError, SpaceError
from models.query import Likeness
from models.space import Space, named
from models.vectors import Embeddings, Vector

__all__ = ["CHUNK_ROWS", "NO_ROWS", "Gallery", "Held", "Mask", "Rows"]

CHUNK_ROWS = 4096
ID = re.compile(r"[0-9a-f]{32}")

T = TypeVar("T")


class Gallery:
    def __init__(self, generation: int, spaces: tuple[Space, ...], held: Held) -> None:
        """Of a generation as it was published."""
        frozen = Frozen(generation, spaces, held)
        self._see(frozen, LiveRows(spaces), frozen.alive, change=0, touched=NO_ROWS)

    def _see(
        self, frozen: Frozen, live: LiveRows, alive: Mask, *, change: int, touched: Rows
    ) -> None:
        self.generation, self.spaces, self.change = frozen.generation, frozen.spaces, change
        self.touched = touched
        self._frozen, self._rows, self._alive = frozen, live, alive
        self._live = live.view(len(alive) - len(frozen))
        self.rows: Rows = np.flatnonzero(alive)  # those that live, rising
        self._neighbours = tuple(map(self._neighbours_of, range(len(self.spaces))))
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
        held = Held(segments, indexes, dead, _layout(folder, catalogue))
        gallery = cls(header.generation, header.spaces, held)
        return gallery.after(
            changes_of_generation(catalogue, header.folded, header.change, header.spaces)
        )

    def after(self, changes: Changes) -> "Gallery":
        """Of the same generation, once these have happened, too."""
        ids = [row.tobytes().hex() for row in changes.added.ids]
        left = self.rows_of([*changes.deleted, *ids])
        others = np.concatenate([left, self.rows_of(changes.touched)])
        alive = np.concatenate([self._alive, np.ones(len(ids), np.bool_)])
        alive[left[left >= 0]] = False
        first = len(self._frozen)
        touched = np.union1d(self.touched, others[(others >= 0) & (others < first)])
        live = self._rows
        if len(live) != len(self._live):
            live = live.forked(len(self._live))
        live.append(changes.added)
        later = Gallery.__new__(Gallery)
        later._see(self._frozen, live, alive, change=changes.number, touched=touched)
        return later

    def _neighbours_of(self, space: int) -> Neighbours:
        frozen, live = self._frozen, self._live
        units = [*frozen.units(space), live.vectors[space].units]
        added = live.exact[space] if len(live) else None
        return Neighbours(
            StackedUnits(units), frozen.coverings[space], frozen.besides[space], added
        )

    def __len__(self) -> int:
        """Of all rows, dead ones included: a row is always less."""
        return len(self._alive)

    @property
    def layout(self) -> Layout | None:
        """Of the overview, as a job has made it."""
        return self._frozen.layout

    @property
    def count(self) -> int:
        """Of the rows that live: the items."""
        return len(self.rows)

    @property
    def published(self) -> int:
        """How many rows, the first ones, are of segments."""
        return len(self._frozen)

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
        if self.count < len(self):
            wanted = self._alive if among is None else among & self._alive
        return self._neighbours[self.position(space)].nearest(vectors, k, likeness, wanted)

    def row(self, item: str) -> int | None:
        """The row of an id; None for an unknown id or what is not an id at all."""
        if not ID.fullmatch(item):
            return None
        row = int(self.rows_of([item])[0])
        return None if row < 0 else row

    def rows_of(self, items: Sequence[str]) -> Rows:
        """(m,): the row of each of these ids, -1 for one that is not held."""
        asked = np.frombuffer(bytes.fromhex("".join(items)), dtype=">u8").reshape(-1, 2)
        rows = self._frozen.rows_of(asked.astype(np.uint64))
        lost = rows < 0
        lost[~lost] = ~self._alive[rows[~lost]]
        for number in np.flatnonzero(lost).tolist():
            rows[number] = self._row_added(items[number])
        return rows

    def published_rows(self, ids: Ids) -> Rows:
        """(m, 16) -> (m,): the row of each of these that a job has published, -1 of others."""
        return self._frozen.rows_of(np.ascontiguousarray(ids).view(">u8").astype(np.uint64))

    def _row_added(self, item: str) -> int:
        for position in reversed(self._rows.positions(item)):
            row = len(self._frozen) + position
            if row < len(self) and self._alive[row]:
                return row
        return -1

    def living(self, rows: Rows) -> Rows:
        """Those of the rows that are not dead."""
        return rows[self._alive[rows]]

    def ids(self, rows: Rows) -> list[str]:
        return [pair.tobytes().hex() for pair in self.id_keys(rows).astype(">u8")]

    def id_keys(self, rows: Rows) -> NDArray[np.uint64]:
        """(m, 2): ordered as the ids are, first column first."""
        added = rows >= len(self._frozen)
        if not added.any():
            return self._frozen.keys[rows]
        keys = np.empty((len(rows), 2), np.uint64)
        keys[~added] = self._frozen.keys[rows[~added]]
        keys[added] = self._live.keys[rows[added] - len(self._frozen)]
        return keys

    def units(self, rows: Rows, space: Space) -> Units:
        """(m,) rows -> (m, dim) float16, in their order."""
        if not len(rows):
            return np.empty((0, space.dimension), np.float16)
        return self._neighbours[self.position(space)].units.take(rows)

    def published_units(self, space: Space) -> list[Units]:
        """Those of all published rows, dead ones included, segment by segment."""
        return self._frozen.units(self.position(space))

    def embedding(self, row: int, space: Space) -> Vector:
        """(dim,) float32, as the model gave it, within float16's precision."""
        rows = np.array([row])
        embedding: Vector = (
            self.units(rows, space)[0].astype(np.float32) * self.norms(rows, space)[0]
        )
        return embedding

    def norms(self, rows: Rows, space: Space) -> Norms:
        """(m,) rows -> (m,): of the embeddings as the model gave them, in their order."""
        position, norms = self.position(space), np.empty(len(rows), np.float32)
        for start, segment in self._parts():
            within = (rows >= start) & (rows < start + len(segment))
            norms[within] = segment.vectors[position].norms[rows[within] - start]
        return norms

    def _parts(self) -> Iterator[tuple[int, Segment]]:
        """With the first row of each."""
        starts = self._frozen.starts.tolist()
        yield from zip(starts, self._frozen.segments, strict=False)
        if len(self._live):
            yield starts[-1], self._live.segment

    def chunks(self, spaces: Iterable[Space]) -> Iterator[tuple[Rows, dict[Space, Units]]]:
        """Every row that lives once, in order, with its units of these spaces, in parts that are
        small enough to compute on."""
        positions = {space: self.position(space) for space in spaces}
        for start, segment in self._parts():
            for first in range(0, len(segment), CHUNK_ROWS):
                last = min(first + CHUNK_ROWS, len(segment))
                living = self._alive[start + first : start + last]
                units = {
                    space: segment.vectors[position].units[first:last]
                    for space, position in positions.items()
                }
                rows = np.arange(start + first, start + last)
                if not living.all():
                    rows, units = rows[living], {s: each[living] for s, each in units.items()}
                yield rows, units

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once for this state of the collection."""
        with self._making:
            if key not in self._made:
                self._made[key] = make()
            made: T = self._made[key]
            return made

    def once_a_generation(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once for all states of this generation."""
        return self._frozen.once(key, make)

    def once_a_while(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made for a generation, and again each time that twice as much was
        added or has left since: for what describes the whole, and hardly changes with a row."""
        left = len(self) - self.count
        return self._frozen.once(key, make, (len(self._live) + left + 1).bit_length())


def _layout(folder: CollectionFolder, catalogue: Catalogue) -> Layout | None:
    """None where there is none that can be read: the overview does without."""
    record = catalogue.layout()
    try:
        return None if record is None else open_layout(folder.layouts, record)
    except CollectionError:
        return None
