"""What a job finds of the collection that it is about to rebuild.

The vectors are taken over by id where they are of the same space and their segment's checksum is
right; those of a damaged segment are made again, which needs their pictures scanned again.
"""

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass

from index.catalogue import NothingPublished, connect, reading
from index.folder import CollectionFolder, checksum
from index.segments import Segment, SegmentRecord, open_segment, rows_to_ids
from models.errors import CollectionError
from models.space import Space, named


@dataclass(frozen=True)
class Previous:
    catalogued: AbstractSet[str] = frozenset()
    elsewhere: AbstractSet[str] = frozenset()  # items that occur in sources which are not scanned
    embedded: AbstractSet[str] = frozenset()
    segments: tuple[tuple[Segment, list[str]], ...] = ()

    def vectors_of(self, wanted: AbstractSet[str]) -> Iterator[Segment]:
        """The rows of these ids, in the order in which they were kept."""
        for segment, ids in self.segments:
            rows = [row for row, id_ in enumerate(ids) if id_ in wanted]
            if rows:
                yield segment.rows(rows)


def read_previous(
    folder: CollectionFolder, spaces: tuple[Space, ...], scanned: Collection[str]
) -> Previous:
    """Raises CollectionError for a collection of other spaces."""
    try:
        connection = connect(folder.catalogue)
    except NothingPublished:
        return Previous()
    with closing(connection), reading(connection, folder.catalogue) as catalogue:
        built = catalogue.header().spaces
        if built != spaces:
            raise CollectionError(
                f"{folder.path}: built for {named(built)}, this model writes {named(spaces)}: "
                "index into another --out, or with the collection's model"
            )
        elsewhere = catalogue.ids_outside(scanned)
        segments = tuple(_sound(folder, catalogue.segments(), spaces))
        embedded = frozenset(id_ for _, ids in segments for id_ in ids)
        _refuse_loss(folder, elsewhere - embedded)
        return Previous(frozenset(catalogue.item_ids()), elsewhere, embedded, segments)


def _sound(
    folder: CollectionFolder, records: Collection[SegmentRecord], spaces: tuple[Space, ...]
) -> Iterator[tuple[Segment, list[str]]]:
    for record in records:
        file = folder.segments / record.name
        if file.is_file() and checksum(file) == record.checksum:
            segment = open_segment(file, record.rows, [space.dimension for space in spaces])
            yield segment, rows_to_ids(segment.ids)


def _refuse_loss(folder: CollectionFolder, lost: AbstractSet[str]) -> None:
    if lost:
        raise CollectionError(
            f"{folder.path}: vectors of {len(lost)} items are damaged: index all sources together, "
            "so that they are made again"
        )
