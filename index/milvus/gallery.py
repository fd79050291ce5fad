"""The vectors of a generation in Milvus, as a search sees them: one for each snapshot.

An item has a row from when it is first met, by its id; its vectors are kept once they were read, so
that a page's hits are fetched once. Milvus proposes what is nearest, and the vectors decide, by the
same arithmetic as everywhere: an item has the same score whichever kind of collection it is in.

Milvus gives no transaction: an item that leaves while a page is made is left out of it.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.faiss import Nearest
from index.filtering.filters import Filter
from index.milvus.client import MOST, as_half
from index.milvus.expressions import Expression, satisfies
from index.milvus.forms import Row
from index.milvus.generation import Generation
from index.milvus.records import Unit, vectors
from index.segments import Units
from index.vectors.neighbours import Mask, Rows
from index.vectors.units import inner_products
from models.errors import SpaceError
from models.query import Likeness
from models.space import Space, named
from models.vectors import Embeddings, Vector

ID = re.compile(r"[0-9a-f]{32}")
FEW = 2_000  # items that are scored one by one rather than looked for
EFFORT = 128
SAMPLE = 10_000  # items that stand for all

T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """A filter, and how it is said to Milvus."""

    filter: Filter
    expression: Expression


@dataclass
class Described:
    """What describes a generation as a whole, for all its snapshots."""

    index: str  # its kind
    made: dict[Hashable, Any] = field(default_factory=dict)


class MilvusGallery:
    exact = False  # no more is asked for than a page needs

    def __init__(self, generation: Generation, described: Described) -> None:
        self._generation = generation
        self._described = described
        self.spaces = generation.spaces
        self._columns = vectors(self.spaces)
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._units: dict[int, tuple[Unit, ...]] = {}

    @cached_property
    def count(self) -> int:
        return self._generation.count()

    @property
    def rows(self) -> Rows:
        """All, or the first so many that Milvus names."""
        found = self._generation.client.rows(self._generation.name, 'id != ""', ["id"], SAMPLE)
        return np.sort(self.rows_met(sorted(row["id"] for row in found)))

    def position(self, space: Space) -> int:
        if space not in self.spaces:
            raise SpaceError(
                f"query is of space {space}, the collection is of {named(self.spaces)}"
            )
        return self.spaces.index(space)

    def nearest(
        self,
        space: Space,
        vectors: Embeddings,
        k: int,
        *,
        among: "Matching | None" = None,
        likeness: Likeness = "text",
    ) -> list[Nearest]:
        del likeness  # Milvus's index has one effort
        position = self.position(space)
        found = self._generation.client.nearest(
            self._generation.name,
            self._columns[position],
            vectors,
            k,
            where="" if among is None else among.expression.text,
            columns=[*self._columns, "partial"],
            effort=effort_of(self._described.index, k),
        )
        return [
            self._ranked(vector, position, hits if among is None else among.checked(hits))
            for vector, hits in zip(vectors, found, strict=True)
        ]

    def _ranked(self, vector: Vector, position: int, hits: Sequence[Row]) -> Nearest:
        rows = np.array([self._met(hit) for hit in hits], np.int64)
        if not len(rows):
            return np.empty(0, np.float32), rows
        scores = inner_products(self._held(rows, position), vector).astype(np.float32)
        order = np.argsort(-scores, kind="stable")
        return scores[order], rows[order]

    def _met(self, row: Row) -> int:
        """The row of what Milvus gave, whose vectors are kept."""
        number = self._row(row["id"])
        if number not in self._units:
            self._units[number] = tuple(as_half(row[name]) for name in self._columns)
        return number

    def _row(self, id_: str) -> int:
        if id_ not in self._rows:
            self._rows[id_] = len(self._ids)
            self._ids.append(id_)
        return self._rows[id_]

    def rows_met(self, ids: Iterable[str]) -> Rows:
        """(m,): of items that are known to be there, or were lately."""
        return np.array([self._row(id_) for id_ in ids], np.int64)

    def row(self, item: str) -> int | None:
        if not ID.fullmatch(item):
            return None
        row = self._rows.get(item)
        if row is not None and row in self._units:
            return row
        self._read([item])
        row = self._rows.get(item)
        return row if row in self._units else None

    def living(self, rows: Rows) -> Rows:
        """Those that are there still."""
        self._read([self._ids[row] for row in rows.tolist() if row not in self._units])
        return np.array([row for row in rows.tolist() if row in self._units], np.int64)

    def _read(self, ids: Sequence[str]) -> None:
        client, name = self._generation.client, self._generation.name
        for row in client.rows_of(name, ids, ["id", *self._columns]):
            self._met(row)

    def ids(self, rows: Rows) -> list[str]:
        return [self._ids[row] for row in rows.tolist()]

    def id_keys(self, rows: Rows) -> NDArray[np.uint64]:
        asked = np.frombuffer(bytes.fromhex("".join(self.ids(rows))), dtype=">u8")
        return asked.reshape(-1, 2).astype(np.uint64)

    def units(self, rows: Rows, space: Space) -> Units:
        """Zeros of an item that has left meanwhile, which is like nothing."""
        position = self.position(space)
        self.living(rows)  # what was not read yet is
        return self._held(rows, position)

    def _held(self, rows: Rows, position: int) -> Units:
        held = np.zeros((len(rows), self.spaces[position].dimension), np.float16)
        for number, row in enumerate(rows.tolist()):
            if row in self._units:
                held[number] = self._units[row][position]
        return held

    def embedding(self, row: int, space: Space) -> Vector:
        id_ = self._ids[row]
        return self._generation.entities([id_])[id_].embedding(self.position(space))

    def chunks(self, spaces: Iterable[Space]) -> Iterator[tuple[Rows, dict[Space, Units]]]:
        """Read from Milvus, and not kept."""
        positions = {space: self.position(space) for space in spaces}
        columns = ["id", *(self._columns[position] for position in positions.values())]
        client, name = self._generation.client, self._generation.name
        for part in client.every(name, "", columns):
            units = {
                space: np.stack([as_half(row[self._columns[position]]) for row in part])
                for space, position in positions.items()
            }
            yield self.rows_met(row["id"] for row in part), units

    def once_a_while(self, key: Hashable, make: Callable[[], T]) -> T:
        """Once a generation, whatever was added since."""
        made = self._described.made
        if key not in made:
            made[key] = make()
        found: T = made[key]
        return found

    def matching(self, asked: Asked) -> "Matching":
        return Matching(self, self._generation, asked)


def effort_of(index: str, k: int) -> dict[str, int]:
    """How hard an index of this kind looks for the nearest k."""
    if index.startswith("HNSW"):
        return {"ef": min(MOST, max(EFFORT, 2 * k))}
    if index.startswith("IVF"):
        return {"nprobe": EFFORT // 4}
    return {"search_list": min(MOST, max(EFFORT, 2 * k))} if index == "DISKANN" else {}


class Matching:
    """What a filter lets be hits, asked of Milvus."""

    def __init__(self, gallery: MilvusGallery, generation: Generation, asked: Asked) -> None:
        self._gallery = gallery
        self._generation = generation
        self._asked = asked

    @property
    def expression(self) -> Expression:
        return self._asked.expression

    @property
    def narrowing(self) -> "Matching":
        return self

    @cached_property
    def _first(self) -> list[Row]:
        """All, where they are few, and else one more than are few."""
        client, name = self._generation.client, self._generation.name
        return client.rows(name, self.expression.text, ["id", "partial"], FEW + 1)

    def __len__(self) -> int:
        """With those, where some are marked partial, that only might."""
        return len(self._first) if self.is_few else self._generation.count(self.expression.text)

    @property
    def is_few(self) -> bool:
        return len(self._first) <= FEW

    @cached_property
    def rows(self) -> Rows:
        client, name = self._generation.client, self._generation.name
        parts: Iterable[list[Row]] = [self._first]
        if not self.is_few:
            parts = client.every(name, self.expression.text, ["id", "partial"])
        found = (row["id"] for part in parts for row in self.checked(part))
        return np.sort(self._gallery.rows_met(found))

    def among(self, rows: Rows) -> Mask:
        ids = self._gallery.ids(rows)
        if not ids:
            return np.empty(0, np.bool_)
        satisfying: set[str] = set()
        for first in range(0, len(ids), MOST // 16):
            part = ",".join(f'"{id_}"' for id_ in ids[first : first + MOST // 16])
            where = f"id in [{part}] and ({self.expression.text})"
            client, name = self._generation.client, self._generation.name
            found = self.checked(client.rows(name, where, ["id", "partial"]))
            satisfying.update(row["id"] for row in found)
        return np.array([id_ in satisfying for id_ in ids], np.bool_)

    def checked(self, found: Sequence[Row]) -> list[Row]:
        """Those that satisfy the filter, though its expression lets through all that are marked."""
        doubtful = [row["id"] for row in found if row["partial"]]
        if not doubtful or not self.expression.needs_check:
            return list(found)
        records = self._generation.records(doubtful)
        sure = {
            id_
            for id_, record in records.items()
            if satisfies(self._asked.filter.root, record.item, record.added_at)
        }
        return [row for row in found if not row["partial"] or row["id"] in sure]
