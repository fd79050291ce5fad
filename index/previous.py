"""What a job finds of the collection that it is about to update.

Asked item by item, so that memory does not grow with the collection. A vector is there where it is
of the same spaces and its segment's checksum is right; those of a damaged segment are made again,
which needs their pictures scanned again, and so are all of them for a model of other spaces.
"""

import sqlite3
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.catalogue import NothingPublished, SqliteCatalogue, connect, reading
from index.folder import CollectionFolder, checksum
from index.found import FoundImage
from index.indexes import IndexRecord
from index.segments import Segment, SegmentRecord, open_segment, rows_to_ids
from models.errors import CollectionError
from models.space import Space, named


@dataclass(frozen=True)
class Kept:
    """A segment of the collection, and which of its rows have left."""

    record: SegmentRecord
    segment: Segment
    dead: frozenset[int]


class Previous:
    def __init__(
        self,
        connection: sqlite3.Connection | None,
        kept: tuple[Kept, ...] = (),
        indexes: tuple[IndexRecord, ...] = (),
        *,
        is_whole: bool = True,
    ) -> None:
        self._connection = connection
        self._asking = threading.Lock()
        self.kept = kept
        self.indexes = indexes
        self.is_whole = is_whole  # every item of the catalogue has its vector in `kept`
        self._with_vectors = None if is_whole else _ids(kept)

    def embedded(self, item: str) -> bool:
        """Whether the collection knows this item and has its vectors."""
        if self._with_vectors is not None and item not in self._with_vectors:
            return False
        return bool(self._rows("SELECT 1 FROM items WHERE id = ?", (item,)))

    def item_at(self, found: FoundImage) -> str | None:
        """The item that a file with this stamp is known to hold."""
        rows = self._rows(
            "SELECT item_id FROM occurrences WHERE source = ? AND path = ? AND stamp = ?",
            (found.source, found.path, found.stamp),
        )
        return str(rows[0][0]) if rows else None

    def lost(self, scanned: Collection[str]) -> int:
        """How many items without vectors occur in sources that are not scanned."""
        if self._with_vectors is None:
            return 0
        marks = ",".join("?" * len(scanned))
        outside = self._rows(
            f"SELECT DISTINCT item_id FROM occurrences WHERE source NOT IN ({marks})", [*scanned]
        )
        return sum(id_ not in self._with_vectors for (id_,) in outside)

    def _rows(self, statement: str, values: Collection[Any]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            return []
        with self._asking:
            return self._connection.execute(statement, tuple(values)).fetchall()


def _ids(kept: Collection[Kept]) -> frozenset[str]:
    return frozenset(
        id_
        for each in kept
        for row, id_ in enumerate(rows_to_ids(each.segment.ids))
        if row not in each.dead
    )


@contextmanager
def read_previous(
    folder: CollectionFolder, spaces: tuple[Space, ...], scanned: Collection[str]
) -> Iterator[Previous]:
    """Raises CollectionError where vectors are missing that the scanned sources cannot give."""
    try:
        connection = connect(folder.catalogue)
    except NothingPublished:
        yield Previous(None)
        return
    try:
        with reading(connection, folder.catalogue) as catalogue:
            previous = _previous(folder, catalogue, connection, spaces)
            _refuse_loss(folder, catalogue.header().spaces, spaces, previous.lost(scanned))
        yield previous
    finally:
        connection.close()


def _previous(
    folder: CollectionFolder,
    catalogue: SqliteCatalogue,
    connection: sqlite3.Connection,
    spaces: tuple[Space, ...],
) -> Previous:
    if catalogue.header().spaces != spaces:
        return Previous(connection, is_whole=False)
    records, dead = catalogue.segments(), catalogue.dead()
    kept = tuple(
        Kept(record, segment, frozenset(dead.get(record.name, np.empty(0, np.int64)).tolist()))
        for record, segment in _sound(folder, records, spaces)
    )
    if len(kept) < len(records):
        return Previous(connection, kept, is_whole=False)
    return Previous(connection, kept, catalogue.indexes())


def _sound(
    folder: CollectionFolder, records: Collection[SegmentRecord], spaces: tuple[Space, ...]
) -> Iterator[tuple[SegmentRecord, Segment]]:
    for record in records:
        file = folder.segments / record.name
        if file.is_file() and checksum(file) == record.checksum:
            dimensions = [space.dimension for space in spaces]
            yield record, open_segment(file, record.rows, dimensions)


def _refuse_loss(
    folder: CollectionFolder, built: tuple[Space, ...], spaces: tuple[Space, ...], lost: int
) -> None:
    if not lost:
        return
    if built != spaces:
        raise CollectionError(
            f"{folder.path}: built for {named(built)}, this model writes {named(spaces)}: {lost} "
            "items are in other sources than these; index all sources together, into another "
            "--out, or with the collection's model"
        )
    raise CollectionError(
        f"{folder.path}: vectors of {lost} items are damaged: index all sources together, "
        "so that they are made again"
    )
