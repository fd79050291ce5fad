"""What one reader sees of a collection: one read transaction, and the gallery of its generation."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from index.catalogue import Catalogue
from index.filtering.facets import Counting, Facets, facets
from index.filtering.fields import misnamed, unknown
from index.filtering.filters import Filter
from index.filtering.listing import Browsing, Listing, listing
from index.filtering.matching import Selection, matching
from index.folder import CollectionFolder
from index.gallery import Gallery
from index.items import UPLOADS, Failure, Item
from index.opened import Original
from index.originals import Giving, open_original, read_original, read_thumbnail
from index.overview.asking import Looking, Overview, overview
from index.searching.words import Ranked, tiers
from index.sources import Root
from index.vectors.indexes import factory_of, tuning_of
from models.errors import GoneError, UnknownItemError
from models.space import Space
from models.vectors import Vector

READ_TOGETHER = 500  # items


@dataclass(frozen=True)
class IndexStatistics:
    space: str
    factory: str  # FAISS's words for its kind
    rows: int  # that it covers; the rest is searched exactly
    recall_image: float  # at 10, as measured when it was built; 1 of an exact one
    recall_text: float


@dataclass(frozen=True)
class CollectionStatistics:
    items: int
    occurrences: int
    failures: int
    generation: int
    spaces: tuple[Space, ...]
    model: str
    sources: tuple[Root, ...]
    created_at: str  # ISO 8601, UTC
    updated_at: str
    vector_bytes: int
    indexes: tuple[IndexStatistics, ...]
    delta: int  # items that were added since the generation was published, searched exactly
    deleted: int  # ids that stay away until their bytes are added on purpose
    map: str | None = None  # how a job has laid the overview out; None where none has


class Snapshot:
    """Made by `Collection.snapshot`, used by one thread, until that block is left."""

    def __init__(
        self,
        folder: CollectionFolder,
        catalogue: Catalogue,
        gallery: Gallery,
        roots: Mapping[str, Path],
    ) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._repointed = roots
        self.gallery = gallery

    @property
    def generation(self) -> int:
        return self.gallery.generation

    @property
    def spaces(self) -> tuple[Space, ...]:
        """Texts are compared in the first, pictures in the last."""
        return self.gallery.spaces

    @property
    def count(self) -> int:
        return self.gallery.count

    @property
    def model(self) -> str:
        """The reference that the user gave to load the model."""
        return self._catalogue.header().model

    def items(self, ids: Collection[str]) -> dict[str, Item]:
        """The items of these ids, in their order; unknown ids are left out."""
        return self._catalogue.items(ids)

    def item(self, id: str) -> Item:  # noqa: A002
        items = self.items((id,))
        if id not in items:
            raise UnknownItemError(f"{id}: no such item in this collection")
        return items[id]

    def embeddings(self, id: str) -> dict[Space, Vector]:  # noqa: A002
        """(dim,) float32 a space, unscaled, within float16's precision of what the model gave."""
        row = self.gallery.row(id)
        if row is None:
            raise UnknownItemError(f"{id}: no such item in this collection")
        return {space: self.gallery.embedding(row, space) for space in self.spaces}

    def ids_by_path(self, source: str) -> dict[str, str]:
        """The id of every file of a source, by its path."""
        return self._catalogue.ids_by_path(source)

    def matching(self, filter: Filter) -> Selection:  # noqa: A002
        """The rows of the gallery that may be hits."""
        return matching(self._catalogue, self.gallery, filter)

    def worded(self, text: str) -> Iterator[Ranked]:
        """The rows with all the words of a text, then those with any of them."""
        return tiers(self._catalogue, self.gallery, text)

    def listed(self, browsing: Browsing) -> Listing:
        """One page of the items, in an order."""
        selection = None if browsing.where is None else self.matching(browsing.where)
        return listing(self._catalogue, self.gallery, browsing, selection)

    def facets(self, counting: Counting) -> Facets:
        """How many items have each value of a field."""
        selection = None if counting.where is None else self.matching(counting.where)
        return facets(self._catalogue, self.gallery, counting, selection)

    def overview(self, looking: Looking) -> Overview:
        """A box of the plane that the items lie on."""
        selection = None if looking.where is None else self.matching(looking.where)
        return overview(self.gallery, looking, selection)

    @property
    def state(self) -> str:
        """Names what is seen: another one of this collection, or of another, has another name."""
        return f"{self._catalogue.header().created_at} {self.generation} {self.gallery.change}"

    def unknown_fields(self, filter: Filter | None, *fields: str) -> list[str]:  # noqa: A002
        """A warning for each field, of the filter or named, that no picture has."""
        found = [] if filter is None else misnamed(self._catalogue, filter)
        found += [text for field in fields for text in unknown(self._catalogue, field)]
        return list(dict.fromkeys(found))

    def thumbnail(self, id: str) -> bytes:  # noqa: A002
        """A WebP file; raises GoneError where a later generation has dropped the item meanwhile."""
        return read_thumbnail(self._folder, self.item(id).id)

    def original(self, id: str) -> bytes:  # noqa: A002
        """The picture file's bytes; raises GoneError where no file has them any more."""
        return read_original(self.item(id), self.places())

    def open_original(self, id: str, giving: Giving) -> Original:  # noqa: A002
        """The same, for reading in parts and for the caller to close; raises WithheldError, too."""
        return open_original(self.item(id), self.places(), giving)

    def gone(self) -> Iterator[Failure]:
        """The items whose original cannot be read any more, each by its first occurrence."""
        ids = self.gallery.ids(self.gallery.rows)
        for first in range(0, len(ids), READ_TOGETHER):
            for item in self.items(ids[first : first + READ_TOGETHER]).values():
                try:
                    read_original(item, self.places())
                except GoneError as error:
                    at = item.occurrences[0]
                    yield Failure(at.source, at.path, str(error).partition(": ")[2])

    def roots(self) -> dict[str, Path]:
        """Where each source's files lie, as this process was told."""
        return {**self.recorded_roots(), **self._repointed}

    def places(self) -> dict[str, Path]:
        """The same, and where the bytes of what was sent lie."""
        return {**self.roots(), UPLOADS: self._folder.uploads}

    def recorded_roots(self) -> dict[str, Path]:
        return self._catalogue.roots()

    def statistics(self) -> CollectionStatistics:
        header, counts = self._catalogue.header(), self._catalogue.counts()
        return CollectionStatistics(
            items=counts.items,
            occurrences=counts.occurrences,
            failures=counts.failures,
            generation=header.generation,
            spaces=header.spaces,
            model=header.model,
            sources=tuple(Root(name, path) for name, path in self.roots().items()),
            created_at=header.created_at,
            updated_at=header.updated_at,
            vector_bytes=sum(segment.bytes for segment in self._catalogue.segments()),
            indexes=tuple(self._index_statistics(header.spaces)),
            delta=counts.delta,
            deleted=counts.deleted,
            map=None if (layout := self._catalogue.layout()) is None else layout.method,
        )

    def _index_statistics(self, spaces: tuple[Space, ...]) -> Iterator[IndexStatistics]:
        for record, space in zip(self._catalogue.indexes(), spaces, strict=True):
            tuning = tuning_of(record.settings)
            yield IndexStatistics(
                space=space.name,
                factory=factory_of(record.settings),
                rows=record.rows,
                recall_image=tuning.image.recall if tuning else 1.0,
                recall_text=tuning.text.recall if tuning else 1.0,
            )

    def failures(self) -> Iterator[Failure]:
        return self._catalogue.failures()
