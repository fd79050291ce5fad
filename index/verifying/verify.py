"""Whether a collection is sound, told by reading all of it.

Faults come as plain lines; none means that SQLite finds its file whole, that every file which the
catalogue names has the checksum it had, that every item has exactly one vector in each space (unit
length within float16's precision, positive norm), in a segment or in the delta, and a thumbnail,
that what was sent is there byte for byte, that every row of a segment has its place in the layout
of the overview, where there is one, and that the indexes hold the rows of the segments that
they cover, or, where they are not exact, find them as well as when they were built.
Originals that cannot be read are no faults: folders may be moved or unplugged.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from sqlite3 import Connection

import numpy as np

from index.catalogue import NothingPublished, SqliteCatalogue, connect, reading
from index.faiss import FaissIndex
from index.folder import CollectionFolder
from index.gallery import CHUNK_ROWS
from index.segments import Segment, Vectors, open_segment, rows_among, rows_to_ids
from index.vectors.indexes import IndexRecord, index_name, tuning_of
from index.vectors.tuning import recall_of
from index.vectors.units import StackedUnits
from index.verifying.delta import DELTA, added_rows, left_since, upload_faults
from index.verifying.files import read_named
from index.verifying.layout import layout_faults
from models.decode import decode
from models.errors import CollectionError, ImageError
from models.space import Space

Sound = dict[str, Segment]  # those that can be read, by name
State = tuple[int, int]  # generation, and number of the latest live change

LOST_RECALL = 0.05  # beyond what a sample of queries leaves open
UNIT_TOLERANCE = 2e-3  # float16 keeps 11 bits of each component


def verify(path: Path) -> tuple[str, ...]:
    """Raises NothingPublished where there is no collection at all."""
    folder = CollectionFolder(path.absolute())
    try:
        with closing(connect(folder.catalogue)) as connection:
            while True:
                faults, state = _faults(folder, connection)
                # a job or a DELETE has removed files meanwhile that were looked for here
                if not faults or _state(folder, connection) == state:
                    return faults
    except NothingPublished:
        raise
    except CollectionError as error:
        return (str(error),)


def _state(folder: CollectionFolder, connection: Connection) -> State:
    with reading(connection, folder.catalogue) as catalogue:
        return _state_of(catalogue)


def _state_of(catalogue: SqliteCatalogue) -> State:
    header = catalogue.header()
    return header.generation, header.change


def _faults(folder: CollectionFolder, connection: Connection) -> tuple[tuple[str, ...], State]:
    with reading(connection, folder.catalogue) as catalogue:
        segments: Sound = {}
        faults = [f"{folder.catalogue.name}: {fault}" for fault in catalogue.integrity()]
        faults += _segment_faults(folder, catalogue, segments)
        faults += _item_faults(folder, catalogue, segments)
        faults += _index_faults(folder, catalogue, segments)
        faults += layout_faults(folder, catalogue, segments)
        faults += upload_faults(folder, catalogue)
        return tuple(faults), _state_of(catalogue)


def _segment_faults(
    folder: CollectionFolder, catalogue: SqliteCatalogue, sound: Sound
) -> Iterator[str]:
    """Segments that can be read are added to `sound`."""
    dimensions = [space.dimension for space in catalogue.header().spaces]
    for record in catalogue.segments():
        file = folder.segments / record.name
        read = partial(open_segment, file, record.rows, dimensions)
        segment, faults = read_named(file, record.checksum, read)
        yield from faults
        if segment is None:
            continue
        sound[record.name] = segment
        for vectors in segment.vectors:
            yield from _vector_faults(f"segments/{record.name}", vectors)
    try:
        added = added_rows(catalogue)
    except CollectionError as error:
        yield str(error)
        return
    sound[DELTA] = added
    for vectors in added.vectors:
        yield from _vector_faults(DELTA, vectors)


def _vector_faults(name: str, vectors: Vectors) -> Iterator[str]:
    parts = (vectors.units[at : at + CHUNK_ROWS] for at in range(0, len(vectors.units), CHUNK_ROWS))
    measured = (np.linalg.norm(part.astype(np.float64), axis=1) for part in parts)
    lengths = np.concatenate([np.empty(0), *measured])
    for row in np.flatnonzero(~(np.abs(lengths - 1) <= UNIT_TOLERANCE)):
        yield f"{name}: row {row}: vector of length {lengths[row]:.4f}, expected 1"
    for row in np.flatnonzero(~(np.isfinite(vectors.norms) & (vectors.norms > 0))):
        yield f"{name}: row {row}: norm {vectors.norms[row]}, expected a positive number"


def _vectors_by_item(catalogue: SqliteCatalogue, segments: Sound) -> Counter[str]:
    dead = {name: set(rows.tolist()) for name, rows in catalogue.dead().items()}
    left = left_since(catalogue)
    for name, segment in segments.items():
        if left and name != DELTA:
            dead[name] = dead.get(name, set()) | set(rows_among(segment, left).tolist())
    return Counter(
        id_
        for name, segment in segments.items()
        for row, id_ in enumerate(rows_to_ids(segment.ids))
        if row not in dead.get(name, ())
    )


def _item_faults(
    folder: CollectionFolder, catalogue: SqliteCatalogue, segments: Sound
) -> Iterator[str]:
    vectors = _vectors_by_item(catalogue, segments)
    items, found = set(catalogue.item_ids()), catalogue.ids_outside(())
    pictureless = catalogue.without_pictures()
    for id_ in sorted(items | vectors.keys()):
        if id_ not in items:
            yield f"item {id_}: has a vector, but is not in the catalogue"
            continue
        if id_ not in found:
            yield f"item {id_}: has no occurrence"
        if vectors[id_] != 1:
            yield f"item {id_}: has {vectors[id_]} vectors, expected 1"
        if id_ in pictureless:
            continue
        try:
            decode(folder.thumbnail(id_).read_bytes())
        except (OSError, ImageError) as error:
            yield f"item {id_}: its thumbnail cannot be read: {error}"


def _index_faults(
    folder: CollectionFolder, catalogue: SqliteCatalogue, segments: Sound
) -> Iterator[str]:
    records = catalogue.segments()
    for record, space in zip(catalogue.indexes(), catalogue.header().spaces, strict=True):
        covered = records[: record.segments]
        if record.name != index_name(covered, record.space, record.settings):
            yield f"indexes/{record.name}: was made of other segments than the catalogue names"
        held = [segments[each.name] for each in covered if each.name in segments]
        yield from _one_index_faults(folder, record, space, held)


def _one_index_faults(
    folder: CollectionFolder, record: IndexRecord, space: Space, segments: Sequence[Segment]
) -> Iterator[str]:
    named, file = f"indexes/{record.name}", folder.indexes / record.name
    read = partial(FaissIndex.open, file, space.dimension, record.bytes)
    index, faults = read_named(file, record.checksum, read)
    yield from faults
    if index is None:
        return
    rows = sum(len(segment) for segment in segments)
    if len(index) != rows or record.rows != rows:
        yield f"{named}: holds {len(index)} rows, its segments {rows}"
        return
    units = StackedUnits([segment.vectors[record.space].units for segment in segments])
    tuning = tuning_of(record.settings)
    if tuning is None:
        yield from _row_faults(named, index, units)
    elif (recall := recall_of(index, units, tuning)) < tuning.image.recall - LOST_RECALL:
        built = tuning.image.recall
        yield f"{named}: finds {recall:.3f} of the ten nearest, {built:.3f} when built"


def _row_faults(named: str, index: FaissIndex, units: StackedUnits) -> Iterator[str]:
    first = 0
    for chunk in units.chunks(CHUNK_ROWS):
        held = index.vectors(first, len(chunk))
        for row in np.flatnonzero((held != chunk.astype(np.float32)).any(axis=1)):
            yield f"{named}: row {first + row} is not the segment's vector"
        first += len(chunk)
