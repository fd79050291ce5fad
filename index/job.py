"""The offline job: sources to a published collection.

Threads read, hash and decode, a bounded number of files at a time; the calling thread encodes in
batches. Everything is staged; the last step is one transaction, so that a job which fails or is
killed at any moment leaves the collection as it was. A bad file is counted and named; a job that
could read nothing at all raises InputError, one that cannot write raises CollectionError.
"""

import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from index.faiss import FlatIndex, IndexRecord, index_name
from index.folder import CollectionFolder, checksum, thumbnail_name
from index.lock import job_lock
from index.previous import Previous, read_previous
from index.publishing import Publication, Published, publish
from index.scan import JobOptions, Progress, Scan, Scanned
from index.segments import SegmentRecord, SegmentWriter, open_segment
from index.sources import ImageSource
from models.encoders import ImageEncoder
from models.errors import InputError
from models.space import Space, named

__all__ = ["JobOptions", "Progress", "Report", "build_collection"]


@dataclass(frozen=True)
class Report:
    items: int  # in the collection now
    embedded: int  # went through the model
    reused: int  # scanned, and had a vector already
    removed: int  # left the collection
    failed: int
    generation: int
    seconds: float


def build_collection(  # noqa: PLR0913
    out: Path,
    sources: Sequence[ImageSource],
    encoder: ImageEncoder,
    *,
    model: str,
    options: JobOptions,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Build or update the collection in `out`; `model` is the reference that loads the encoder
    again."""
    started = time.monotonic()
    if not encoder.fills_galleries:
        raise InputError(
            f"a light query encoder for collections of {named(encoder.spaces)}: "
            "index with the model that fills them"
        )
    names = _names(sources)
    folder = CollectionFolder(out.absolute())
    folder.claim()
    with job_lock(folder), folder.staged() as staging:
        previous = read_previous(folder, encoder.spaces, names)
        writer = SegmentWriter(staging.segments)
        scan = Scan(folder, previous, encoder, writer, options=options)
        scanned = scan.run(sources, progress or _ignore)
        if not scanned.occurrences:
            raise InputError(_nothing_read(names, scanned))
        kept = previous.elsewhere | (scanned.ids & previous.embedded)
        segments = _stage_segments(writer, previous, kept)
        indexes = _stage_indexes(staging, segments, encoder.spaces)
        folder.adopt_staged()
        published = publish(
            folder.catalogue,
            Publication(
                spaces=encoder.spaces,
                model=model,
                scanned=names,
                roots=[source.root for source in sources if source.root is not None],
                read=scanned.read,
                occurrences=scanned.occurrences,
                failures=scanned.failures,
                segments=segments,
                indexes=indexes,
            ),
        )
        folder.remove_garbage(_named(segments, indexes, kept | scanned.ids))
    return _report(published, previous, scanned, time.monotonic() - started)


def _ignore(progress: Progress) -> None:
    """Nobody is watching."""


def _names(sources: Sequence[ImageSource]) -> list[str]:
    if not sources:
        raise InputError("nothing to index: no source was named")
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two sources are named {name!r}: write one as NAME=PATH")
    return names


def _nothing_read(names: Sequence[str], scanned: Scanned) -> str:
    text = f"no picture could be read in {', '.join(names)}"
    if not scanned.failures:
        return f"{text}: none was found"
    first = scanned.failures[0]
    return f"{text}: {len(scanned.failures)} failed, the first was {first.path}: {first.reason}"


def _stage_segments(
    writer: SegmentWriter, previous: Previous, kept: AbstractSet[str]
) -> tuple[SegmentRecord, ...]:
    for segment in previous.vectors_of(kept):
        writer.append(segment)
    return writer.close()


def _stage_indexes(
    staging: CollectionFolder, records: Sequence[SegmentRecord], spaces: Sequence[Space]
) -> list[IndexRecord]:
    dimensions = [space.dimension for space in spaces]
    segments = [open_segment(staging.segments / r.name, r.rows, dimensions) for r in records]
    staged = []
    for position, dimension in enumerate(dimensions):
        index = FlatIndex.build(dimension, (s.vectors[position].units for s in segments))
        file = staging.indexes / index_name(records, position)
        index.write(file)
        size = file.stat().st_size
        staged.append(IndexRecord(file.name, len(index), size, checksum(file), position))
    return staged


def _named(
    segments: Sequence[SegmentRecord], indexes: Sequence[IndexRecord], items: AbstractSet[str]
) -> set[str]:
    vectors = {record.name for records in (segments, indexes) for record in records}
    return vectors | {thumbnail_name(id_) for id_ in items}


def _report(published: Published, previous: Previous, scanned: Scanned, seconds: float) -> Report:
    return Report(
        items=published.items,
        embedded=scanned.embedded,
        reused=len(scanned.ids & previous.embedded),
        removed=published.removed,
        failed=len(scanned.failures),
        generation=published.generation,
        seconds=seconds,
    )
