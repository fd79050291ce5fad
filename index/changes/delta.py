"""The delta: what a collection has taken in and let go since its generation was published.

Tables beside the segments, written by live changes (index/changes/adding.py), read by every
snapshot in its own transaction, emptied by the next job, which folds them into segments:

    delta     vectors of items that are in no segment: of every space one behind the other, float16,
              and as many float32 norms
    touched   items of segments whose facts are others than when the generation was published
    deleted   items that were deleted; remembered until their bytes are added on purpose
    erasures  deleted items whose uploaded bytes and thumbnails are still to be removed

Each change has a number, one more than the last one's; the catalogue's `meta` has the latest as
`changes`, and as `folded` the latest that was there when the generation was published. What was
added while that was on its way is in the delta still.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from index.segments import Norms, Segment, Units, Vectors, ids_to_rows
from models.errors import CollectionError
from models.space import Space
from models.vectors import Embeddings, unit

MANY_ROWS = 20_000  # scanned in a few milliseconds; from there on a job is worth its while

STEP = (
    """CREATE TABLE delta (
        key INTEGER PRIMARY KEY, item_id TEXT NOT NULL UNIQUE REFERENCES items (id),
        change INTEGER NOT NULL, units BLOB NOT NULL, norms BLOB NOT NULL
    )""",
    "CREATE INDEX delta_by_change ON delta (change)",
    "CREATE TABLE touched (item_id TEXT PRIMARY KEY, change INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX touched_by_change ON touched (change)",
    "CREATE TABLE deleted (item_id TEXT PRIMARY KEY, change INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX deleted_by_change ON deleted (change)",
    "CREATE TABLE erasures (item_id TEXT PRIMARY KEY) WITHOUT ROWID",
    "INSERT INTO meta (key, value) VALUES ('changes', 0), ('folded', 0)",
)


class Rows(Protocol):
    def rows(self, statement: str, values: Sequence[Any] = ()) -> Iterable[tuple[Any, ...]]: ...


@dataclass(frozen=True)
class Changes:
    """What happened after a change and up to another one, `number`."""

    number: int
    added: Segment  # in their order; one that was there already takes its place
    deleted: tuple[str, ...]  # and not added again
    touched: tuple[str, ...]


@dataclass(frozen=True)
class Packed:
    """One item's vectors, as the table keeps them."""

    units: bytes
    norms: bytes


def pack(embeddings: Sequence[Embeddings]) -> list[Packed]:
    """(n, dim) of each space -> n; raises InputError for a row without a direction."""
    parts = [unit(each) for each in embeddings]
    units = np.hstack([units.astype("<f2") for units, _ in parts])
    norms = np.stack([norms.astype("<f4") for _, norms in parts], axis=1)
    return [Packed(u.tobytes(), n.tobytes()) for u, n in zip(units, norms, strict=True)]


def pack_segment(segment: Segment) -> dict[str, Packed]:
    """Each row of a segment, by its id."""
    units = np.hstack([each.units.astype("<f2") for each in segment.vectors])
    norms = np.stack([each.norms.astype("<f4") for each in segment.vectors], axis=1)
    return {
        row.tobytes().hex(): Packed(u.tobytes(), n.tobytes())
        for row, u, n in zip(segment.ids, units, norms, strict=True)
    }


def changes_since(catalogue: Rows, number: int, latest: int, spaces: Sequence[Space]) -> Changes:
    """`latest` is the catalogue's. Raises CollectionError for a damaged vector."""
    added = catalogue.rows(
        "SELECT item_id, units, norms FROM delta WHERE change > ? ORDER BY change, key", (number,)
    )
    return Changes(
        latest,
        unpacked(list(added), spaces),
        _changed(catalogue, "deleted", number),
        _changed(catalogue, "touched", number),
    )


def changes_of_generation(
    catalogue: Rows, folded: int, latest: int, spaces: Sequence[Space]
) -> Changes:
    """All since it was published, and what was in no segment even then."""
    everything = changes_since(catalogue, 0, latest, spaces)
    return replace(everything, deleted=_changed(catalogue, "deleted", folded))


def no_changes(spaces: Sequence[Space]) -> Changes:
    return Changes(0, unpacked([], spaces), (), ())


def _changed(catalogue: Rows, table: str, number: int) -> tuple[str, ...]:
    rows = catalogue.rows(f"SELECT item_id FROM {table} WHERE change > ?", (number,))
    return tuple(id_ for (id_,) in rows)


def unpacked(rows: Sequence[tuple[str, bytes, bytes]], spaces: Sequence[Space]) -> Segment:
    """(id, units, norms) of the table -> a segment in memory."""
    dimensions = [space.dimension for space in spaces]
    for id_, units, norms in rows:
        if len(units) != 2 * sum(dimensions) or len(norms) != 4 * len(dimensions):
            raise CollectionError(f"item {id_}: damaged vector in the delta: of another space")
    shape = (len(rows), sum(dimensions))
    held: Units = np.frombuffer(b"".join(u for _, u, _ in rows), "<f2").reshape(shape)
    lengths: Norms = np.frombuffer(b"".join(n for _, _, n in rows), "<f4")
    parts = np.split(held, np.cumsum(dimensions)[:-1], axis=1)
    columns = lengths.reshape(len(rows), len(dimensions)).T
    vectors = tuple(Vectors(u, n) for u, n in zip(parts, columns, strict=True))
    return Segment(ids_to_rows([id_ for id_, _, _ in rows]), vectors)
