"""Parts: what a job has embedded since its last checkpoint, as a segment of its own."""

from collections.abc import Sequence

from index.folder import CollectionFolder
from index.segments import Segment, SegmentRecord, joined, write_segment
from models.files import sync


def write_part(folder: CollectionFolder, rows: Sequence[Segment]) -> SegmentRecord | None:
    """Durable when it returns; None for no rows."""
    if not rows:
        return None
    parts = folder.staging.parts
    record = write_segment(parts, joined(rows))
    sync(parts / record.name)
    sync(parts)
    return record
