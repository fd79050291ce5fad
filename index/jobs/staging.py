"""From what a job has finished to the segments and indexes that it publishes.

Segments of the collection stay as they are; new rows become further ones, which are searched beside
the index, and what was added live is among them. Small and recent segments are written together
again, so that there are never many. An index is built anew once a tenth of the rows is beside it,
and with it all segments are, once a fifth of their rows have left.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from index.changes.delta import Changes
from index.folder import CollectionFolder
from index.jobs.building import IndexBuilder, IndexOptions
from index.jobs.journal import Journal
from index.jobs.previous import Kept, Previous
from index.segments import (
    ROWS,
    Segment,
    SegmentRecord,
    SegmentWriter,
    open_segment,
    rows_among,
    rows_to_ids,
)
from index.vectors.indexes import IndexRecord

DEAD_SHARE = 0.2  # of all rows: from there on they are left behind
BESIDE_SHARE = 0.1  # of all rows: more are not searched beside an index
BESIDE_ROWS = 20_000  # fewer than this are always searched beside it


Held = tuple[SegmentRecord, Segment]


@dataclass(frozen=True)
class Staged:
    segments: tuple[SegmentRecord, ...]
    opened: tuple[Segment, ...]  # in the same order
    indexes: tuple[IndexRecord, ...]
    kept: int = 0  # so many of them, the first ones, were the collection's before

    @property
    def parts(self) -> tuple[Sequence[Held], Sequence[Held]]:
        """The segments that were there before, and those that the job has written."""
        pairs = tuple(zip(self.segments, self.opened, strict=True))
        return pairs[: self.kept], pairs[self.kept :]


def stage_vectors(
    folder: CollectionFolder, previous: Previous, journal: Journal, builder: IndexBuilder
) -> Staged:
    staging, spaces = folder.staging, builder.encoder.spaces
    dimensions = [space.dimension for space in spaces]
    changes = previous.changes(folder, spaces)
    held = _without_left(previous.kept, changes)
    new = _new(changes.added, journal, folder, dimensions)
    first = list(islice(new, 1))
    kept = _left_alone(held, previous.indexes)
    if previous.indexes and not first and not any(each.dead for each in held[len(kept) :]):
        kept = held  # nothing has come, and nothing has left
    writer = SegmentWriter(staging.segments)
    for segment in chain(_rewritten(held[len(kept) :]), first, new):
        writer.append(segment)
    records = (*(each.record for each in kept), *writer.close())
    written = [
        open_segment(staging.segments / record.name, record.rows, dimensions)
        for record in records[len(kept) :]
    ]
    opened = (*(each.segment for each in kept), *written)
    serve = _still_serve(previous, records, builder.options)
    indexes = previous.indexes if serve else builder.build(records, opened)
    return Staged(records, opened, indexes, len(kept))


def _without_left(kept: tuple[Kept, ...], changes: Changes) -> tuple[Kept, ...]:
    """With the rows of items that were deleted, or deleted and added again, among the dead."""
    left = [*changes.deleted, *rows_to_ids(changes.added.ids)]
    if not left:
        return kept
    return tuple(
        replace(each, dead=each.dead | set(rows_among(each.segment, left).tolist()))
        for each in kept
    )


def _left_alone(kept: tuple[Kept, ...], indexes: Sequence[IndexRecord]) -> tuple[Kept, ...]:
    """The segments from the first on that need not be written again."""
    rows = sum(len(each.segment) for each in kept)
    dead = sum(len(each.dead) for each in kept)
    if not indexes or dead > DEAD_SHARE * rows:
        return ()
    covered = indexes[0].segments
    beyond = [
        number
        for number, each in enumerate(kept[covered:], start=covered)
        if len(each.segment) < ROWS // 2 or each.dead
    ]
    return kept[: min(beyond, default=len(kept))]


def _rewritten(others: Sequence[Kept]) -> Iterator[Segment]:
    for each in others:
        alive = [row for row in range(len(each.segment)) if row not in each.dead]
        yield each.segment.rows(alive)


def _new(
    live: Segment, journal: Journal, folder: CollectionFolder, dimensions: Sequence[int]
) -> Iterator[Segment]:
    """What was added live, and what the job has embedded, less what was added meanwhile."""
    added = set(rows_to_ids(live.ids))
    if added:
        yield live
    for part in journal.parts():
        segment = open_segment(folder.staging.parts / part.name, part.rows, dimensions)
        wanted = journal.items_of(part.name) - added
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
