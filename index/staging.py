"""From what a job has finished to the segments and indexes that it publishes.

Segments of the collection stay as they are; new rows become further ones, which are searched beside
the index. Small and recent segments are written together again, so that there are never many. An
index is built anew once a tenth of the rows is beside it, and with it all segments are, once a
fifth of their rows have left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.faiss import FlatIndex
from index.folder import CollectionFolder, checksum
from index.indexes import IndexRecord, index_name
from index.journal import Journal
from index.previous import Kept, Previous
from index.segments import (
    ROWS,
    Segment,
    SegmentRecord,
    SegmentWriter,
    open_segment,
    rows_to_ids,
)
from models.space import Space

DEAD_SHARE = 0.2  # of all rows: from there on they are left behind
BESIDE_SHARE = 0.1  # of all rows: more are not searched beside an index
BESIDE_ROWS = 20_000  # fewer than this are always searched beside it


@dataclass(frozen=True)
class Staged:
    segments: tuple[SegmentRecord, ...]
    opened: tuple[Segment, ...]  # in the same order
    indexes: tuple[IndexRecord, ...]


def stage_vectors(
    folder: CollectionFolder, previous: Previous, journal: Journal, spaces: Sequence[Space]
) -> Staged:
    staging, dimensions = folder.staging, [space.dimension for space in spaces]
    kept = _left_alone(previous)
    writer = SegmentWriter(staging.segments)
    for segment in _rewritten(previous.kept[len(kept) :], journal, folder, dimensions):
        writer.append(segment)
    records = (*(each.record for each in kept), *writer.close())
    written = [
        open_segment(staging.segments / record.name, record.rows, dimensions)
        for record in records[len(kept) :]
    ]
    opened = (*(each.segment for each in kept), *written)
    return Staged(records, opened, _indexes(staging, previous, records, opened, spaces))


def _left_alone(previous: Previous) -> tuple[Kept, ...]:
    """The segments from the first on that need not be written again."""
    rows = sum(len(each.segment) for each in previous.kept)
    dead = sum(len(each.dead) for each in previous.kept)
    if not previous.indexes or dead > DEAD_SHARE * rows:
        return ()
    covered = previous.indexes[0].segments
    beyond = [
        number
        for number, each in enumerate(previous.kept[covered:], start=covered)
        if len(each.segment) < ROWS // 2 or each.dead
    ]
    return previous.kept[: min(beyond, default=len(previous.kept))]


def _rewritten(
    others: Sequence[Kept], journal: Journal, folder: CollectionFolder, dimensions: Sequence[int]
) -> Iterator[Segment]:
    for each in others:
        alive = [row for row in range(len(each.segment)) if row not in each.dead]
        yield each.segment.rows(alive)
    for part in journal.parts():
        segment = open_segment(folder.staging.parts / part.name, part.rows, dimensions)
        wanted = journal.items_of(part.name)
        rows = [row for row, id_ in enumerate(rows_to_ids(segment.ids)) if id_ in wanted]
        if rows:
            yield segment.rows(rows)


def _indexes(
    staging: CollectionFolder,
    previous: Previous,
    records: Sequence[SegmentRecord],
    opened: Sequence[Segment],
    spaces: Sequence[Space],
) -> tuple[IndexRecord, ...]:
    if _still_serve(previous, records):
        return previous.indexes
    return tuple(
        _built(staging.indexes, records, opened, (position, space.dimension))
        for position, space in enumerate(spaces)
    )


def _still_serve(previous: Previous, records: Sequence[SegmentRecord]) -> bool:
    if not previous.indexes:
        return False
    covered = previous.indexes[0].segments
    are_covered = [each.record for each in previous.kept[:covered]] == list(records[:covered])
    rows = sum(record.rows for record in records)
    beside = sum(record.rows for record in records[covered:])
    return are_covered and beside <= max(BESIDE_ROWS, BESIDE_SHARE * rows)


def _built(
    folder: Path,
    records: Sequence[SegmentRecord],
    opened: Sequence[Segment],
    space: tuple[int, int],
) -> IndexRecord:
    position, dimension = space
    index = FlatIndex.build(dimension, (each.vectors[position].units for each in opened))
    file = folder / index_name(records, position)
    index.write(file)
    return IndexRecord(
        name=file.name,
        rows=len(index),
        bytes=file.stat().st_size,
        checksum=checksum(file),
        space=position,
        segments=len(records),
    )
