"""What a job finds of the collection that it is about to update.

Asked item by item, so that memory does not grow with the collection. A vector is there where it is
of the same spaces and its segment's checksum is right; those of a damaged segment are made again,
which needs their pictures scanned again, and so are all of them for a model of other spaces.
"""

import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.catalogue import NothingPublished, SqliteCatalogue, connect, reading
from index.changes.delta import Changes, changes_of_generation, no_changes
from index.changes.uploads import UPLOADS, UploadSource
from index.folder import CollectionFolder, checksum
from index.found import FoundImage
from index.overview.layouts import LayoutRecord
from index.segments import Segment, SegmentRecord, open_segment, rows_to_ids
from index.vectors.indexes import IndexRecord
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
        has_spaces: bool = True,
    ) -> None:
        self._connection = connection
        self._asking = threading.RLock()
        self.kept = kept
        self.indexes = indexes
        self.is_whole = is_whole  # every item has its vector in `kept`, or in the delta
        self.has_spaces = has_spaces  # its vectors are of the job's spaces
        self.with_vectors = frozenset[str]() if is_whole else _ids(kept)  # in `kept`

    def embedded(self, item: str) -> bool:
        """Whether the collection knows this item and has its vectors."""
        if self.is_whole or item in self.with_vectors:
            return bool(self._rows("SELECT 1 FROM items WHERE id = ?", (item,)))
        added = self._rows("SELECT 1 FROM delta WHERE item_id = ?", (item,))
        return self.has_spaces and bool(added)

    def deleted(self, item: str) -> bool:
        """Whether this item is to stay away."""
        return bool(self._rows("SELECT 1 FROM deleted WHERE item_id = ?", (item,)))

    def item_ids(self) -> Iterator[str]:
        """Of the items that have vectors, most of them at least, and of those to stay away."""
        statement = "SELECT id FROM items UNION ALL SELECT item_id FROM deleted"
        if not self.is_whole:
            yield from self.with_vectors
            statement = "SELECT item_id FROM deleted"
        if self._connection is not None:
            with self._asking, closing(self._connection.execute(statement)) as rows:
                yield from (id_ for (id_,) in rows)

    def changes(self, folder: CollectionFolder, spaces: Sequence[Space]) -> Changes:
        """Since its generation was published, until now; what was added only where it is of these
        spaces."""
        if self._connection is None or not self.has_spaces:
            return no_changes(spaces)
        with self._asking, reading(self._connection, folder.catalogue) as catalogue:
            header = catalogue.header()
            return changes_of_generation(catalogue, header.folded, header.change, spaces)

    def layout(self) -> LayoutRecord | None:
        """Of the overview, where it is of the job's spaces."""
        rows = self._rows("SELECT name, rows, bytes, checksum, method, fitted FROM layouts", ())
        return LayoutRecord(*rows[0]) if rows and self.has_spaces else None

    def map_method(self) -> str | None:
        """That the job before was asked for; None of one that knew of none."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'map'", ())
        return str(rows[0][0]) if rows else None

    def uploads(self, folder: CollectionFolder) -> UploadSource:
        """What was sent so far."""
        if self._connection is None:
            return UploadSource(folder, ())
        sent = self._rows("SELECT item_id FROM occurrences WHERE source = ?", (UPLOADS,))
        return UploadSource(folder, tuple(id_ for (id_,) in sent))

    def item_at(self, found: FoundImage) -> str | None:
        """The item that a file with this stamp is known to hold."""
        rows = self._rows(
            "SELECT item_id FROM occurrences WHERE source = ? AND path = ? AND stamp = ?",
            (found.source, found.path, found.stamp),
        )
        return str(rows[0][0]) if rows else None

    def lost(self, scanned: Collection[str]) -> int:
        """How many items without vectors occur only in sources that are not scanned, and were not
        sent."""
        if self.is_whole:
            return 0
        marks = ",".join("?" * len(scanned))
        outside = self._rows(
            f"SELECT DISTINCT item_id FROM occurrences WHERE source NOT IN ({marks}) "
            "AND item_id NOT IN (SELECT item_id FROM occurrences WHERE source = ?)",
            [*scanned, UPLOADS],
        )
        return sum(not self.embedded(id_) for (id_,) in outside)

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
        return Previous(connection, is_whole=False, has_spaces=False)
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
