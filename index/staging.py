"""From what a job has finished to the segments and indexes that it publishes.

Segments of the collection stay as they are; new rows become further ones, which are searched beside
the index. Small and recent segments are written together again, so that there are never many. An
index is built anew once a tenth of the rows is beside it, and with it all segments are, once a
fifth of their rows have left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.building import IndexBuilder, IndexOptions
from index.folder import CollectionFolder
from index.indexes import IndexRecord
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

DEAD_SHARE = 0.2  # of all rows: from there on they are left behind
BESIDE_SHARE = 0.1  # of all rows: more are not searched beside an index
BESIDE_ROWS = 20_000  # fewer than this are always searched beside it


@dataclass(frozen=True)
class Staged:
    segments: tuple[SegmentRecord, ...]
    opened: tuple[Segment, ...]  # in the same order
    indexes: tuple[IndexRecord, ...]


def stage_vectors(
    folder: CollectionFolder, previous: Previous, journal: Journal, builder: IndexBuilder
) -> Staged:
    staging, spaces = folder.staging, builder.encoder.spaces
    dimensions = [space.dimension for space in spaces]
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
    serve = _still_serve(previous, records, builder.options)
    indexes = previous.indexes if serve else builder.build(records, opened)
    return Staged(records, opened, indexes)


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


def _still_serve(
    previous: Previous, records: Sequence[SegmentRecord], options: IndexOptions
) -> bool:
    if not previous.indexes or not all(options.wants(i.settings) for i in previous.indexes):
        return False
    covered = previous.indexes[0].segments
    are_covered = [each.record for each in previous.kept[:covered]] == list(records[:covered])
    rows = sum(record.rows for record in records)
    beside = sum(record.rows for record in records[covered:])
    return are_covered and beside <= max(BESIDE_ROWS, BESIDE_SHARE * rows)
