"""The offline job: sources to a published collection.

What is new or changed is read, decoded and embedded (index/jobs/scan.py), and everything stays in a
staging folder until one transaction publishes it (index/jobs/publishing.py); a job that fails or is
killed at any moment leaves the collection as it was, and the next one goes on from what it had
finished (index/jobs/journal.py). A bad file is counted and named; a job that could read nothing at
all raises InputError, one that cannot write raises CollectionError.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from index.catalogue import SqliteCatalogue, connect, sqlite_errors
from index.engines.local import LocalEngine
from index.folder import CollectionFolder, checksum
from index.jobs.building import IndexBuilder, IndexOptions
from index.jobs.engine import Engine
from index.jobs.importing import Importing
from index.jobs.journal import Journal
from index.jobs.known import Known
from index.jobs.late import LateUploads
from index.jobs.lock import job_lock
from index.jobs.options import JobOptions
from index.jobs.previous import Previous, read_previous
from index.jobs.publishing import Publication, Published, publish
from index.jobs.scan import Progress, Scan, Scanned
from index.jobs.staging import Staged, stage_vectors
from index.overview.making import MapOptions, Mapped, map_items
from index.sources import ImageSource, VectorSource
from index.vectors.indexes import shortcomings
from models.encoders import ImageEncoder
from models.errors import CollectionError, InputError
from models.space import Space, named

__all__ = ["IndexOptions", "JobOptions", "Progress", "Report", "build_collection"]


@dataclass(frozen=True)
class Report:
    items: int  # in the collection now
    embedded: int  # went through the model
    reused: int  # files whose content had a vector already
    imported: int  # vectors made elsewhere, new to the collection
    removed: int  # left the collection
    failed: int
    generation: int
    seconds: float
    map: str = "pca"  # how the overview is laid out, or "none"
    warnings: tuple[str, ...] = ()


def build_collection(  # noqa: PLR0913
    out: Path,
    sources: Sequence[ImageSource | VectorSource],
    encoder: ImageEncoder,
    *,
    model: str,
    options: JobOptions,
    progress: Callable[[Progress], None] | None = None,
    mapping: MapOptions | None = None,
    engine: Engine | None = None,
) -> Report:
    """Build or update the collection in `out`; `model` is the reference that loads the encoder
    again. Without a source it is what was added live that becomes segments, and where there is no
    collection an empty one is made. Without an `engine` the work is done here."""
    started = time.monotonic()
    if not encoder.fills_galleries:
        raise InputError(
            f"a light query encoder for collections of {named(encoder.spaces)}: "
            "index with the model that fills them"
        )
    names = _names(sources)
    vectors = [source for source in sources if isinstance(source, VectorSource)]
    pictures = [source for source in sources if not isinstance(source, VectorSource)]
    options.index.check(encoder.spaces)
    folder = CollectionFolder(out.absolute())
    folder.claim()
    with (
        job_lock(folder),
        read_previous(folder, encoder.spaces, names) as previous,
        closing(_journal(folder, previous, encoder.spaces)) as journal,
    ):
        known = Known(folder, previous, journal, thumbnails=options.thumbnails)
        scan = Scan(
            folder, known, journal, engine or LocalEngine(encoder, options), options=options
        )
        sent = [] if previous.is_whole else [previous.uploads(folder)]
        scanned = scan.run([*pictures, *sent], progress or _ignore)
        imported = Importing(folder, previous, journal, encoder, options).run(vectors)
        journal.end()
        if names and not journal.occurrences():
            folder.clear_staging()
            raise InputError(_nothing_read(names, journal))
        builder = IndexBuilder(options.index, encoder, journal, folder.staging.indexes)
        staged = stage_vectors(folder, previous, journal, builder)
        mapped = map_items(folder, previous, staged, mapping or MapOptions())
        folder.adopt("segments", "indexes", "layouts")
        published = publish(
            folder.catalogue,
            Publication(
                spaces=encoder.spaces,
                model=model,
                scanned=names,
                roots=[source.root for source in sources if source.root is not None],
                journal=journal.file,
                staged=staged,
                late=LateUploads(folder, previous, encoder, options),
                mapped=mapped,
            ),
        )
        failed = len(journal.failures())
        _tidy(folder, staged, mapped)
    report = _report(published, scanned, failed, time.monotonic() - started, imported)
    warnings = (*mapped.warnings, *shortcomings(staged.indexes))
    return replace(report, map=mapped.method, warnings=warnings)


def _journal(folder: CollectionFolder, previous: Previous, spaces: Sequence[Space]) -> Journal:
    """What a killed job has left of the same spaces, or an empty one."""
    staging = folder.prepare_staging()
    journal = Journal.open(staging.journal, spaces)
    if journal is None:
        folder.clear_staging()
        journal = Journal.open(folder.prepare_staging().journal, spaces)
    if journal is None:
        raise CollectionError(f"{staging.journal}: cannot be written")
    parts = journal.parts()
    files = {part.name: staging.parts / part.name for part in parts}
    sound = [
        part.name
        for part in parts
        if files[part.name].is_file() and checksum(files[part.name]) == part.checksum
    ]
    journal.begin(sound)
    # of a job that was killed between its publication and its end
    journal.forget(item for item in journal.item_ids() if previous.embedded(item))
    return journal


def _tidy(folder: CollectionFolder, staged: Staged, mapped: Mapped) -> None:
    folder.clear_staging()
    layouts = [] if mapped.record is None else [mapped.record]
    kinds = (staged.segments, staged.indexes, layouts)
    named = {record.name for records in kinds for record in records}
    with closing(connect(folder.catalogue)) as connection:

        @contextmanager
        def holding(prefix: str) -> Iterator[tuple[set[str], set[str]]]:
            connection.execute("BEGIN IMMEDIATE")  # so that nobody adds meanwhile
            try:
                catalogue = SqliteCatalogue(connection, folder.catalogue)
                yield catalogue.ids_within(prefix), catalogue.sent_within(prefix)
            finally:
                connection.rollback()

        with sqlite_errors(folder.catalogue):
            folder.remove_garbage(named, holding)


def _ignore(progress: Progress) -> None:
    """Nobody is watching."""


def _names(sources: Sequence[ImageSource | VectorSource]) -> list[str]:
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two sources are named {name!r}: write one as NAME=PATH")
    return names


def _nothing_read(names: Sequence[str], journal: Journal) -> str:
    text = f"no picture could be read in {', '.join(names)}"
    failures = journal.failures()
    if not failures:
        return f"{text}: none was found"
    first = failures[0]
    return f"{text}: {len(failures)} failed, the first was {first.path}: {first.reason}"


def _report(
    published: Published, scanned: Scanned, failed: int, seconds: float, imported: int
) -> Report:
    return Report(
        items=published.items,
        embedded=scanned.embedded,
        reused=scanned.reused,
        imported=imported,
        removed=published.removed,
        failed=failed,
        generation=published.generation,
        seconds=seconds,
    )
