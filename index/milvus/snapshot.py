"""What one reader sees of a collection in Milvus: its latest generation, with all changes so far.

Milvus gives no transaction: two reads of one snapshot may see what happened between them. What is
searched by vectors and filters is asked of Milvus; lists, counts and words of a copy in SQLite
(index/milvus/mirror.py). Pictures and thumbnails lie in a folder that replicas share.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from index.filtering.facets import Counting, Facets, facets
from index.filtering.fields import asked_of, misspelt
from index.filtering.filters import Filter
from index.filtering.listing import Browsing, Listing, listing
from index.filtering.matching import matching
from index.folder import CollectionFolder
from index.items import UPLOADS, Failure, Item
from index.milvus.expressions import expression_of
from index.milvus.gallery import Asked, Described, Matching, MilvusGallery
from index.milvus.generation import Generation
from index.milvus.mirror import Mirror
from index.milvus.notes import Header, Totals
from index.milvus.plot import Plot
from index.opened import Original
from index.originals import Giving, open_original, read_original, read_thumbnail
from index.overview.asking import Looking, Overview, overview
from index.searching.words import Ranked, tiers
from index.snapshot import CollectionStatistics, IndexStatistics
from index.sources import Root
from models.errors import GoneError, UnknownItemError
from models.space import Space
from models.vectors import Vector

LIVE = "milvus"  # the folder, among the files, of what was added in Milvus


@dataclass(frozen=True)
class Files:
    """Of the collection that was published, and beside them those of what was added since."""

    path: Path

    @property
    def published(self) -> CollectionFolder:
        return CollectionFolder(self.path)

    @property
    def live(self) -> CollectionFolder:
        return CollectionFolder(self.path / LIVE)

    @property
    def both(self) -> tuple[CollectionFolder, CollectionFolder]:
        """What was added in Milvus goes first."""
        return self.live, self.published


@dataclass(frozen=True)
class State:
    """One generation, for all its snapshots."""

    generation: Generation
    header: Header
    described: Described
    mirror: Mirror
    plot: Plot


class MilvusSnapshot:
    def __init__(
        self, state: State, totals: Totals, files: Files, roots: Mapping[str, Path]
    ) -> None:
        self._state = state
        self._totals = totals
        self._files = files
        self._repointed = roots
        self.gallery = MilvusGallery(state.generation, state.described)

    @property
    def generation(self) -> int:
        return self._state.header.generation

    @property
    def spaces(self) -> tuple[Space, ...]:
        return self._state.header.spaces

    @property
    def count(self) -> int:
        return self.gallery.count

    @property
    def model(self) -> str:
        return self._state.header.model

    @property
    def state(self) -> str:
        header = self._state.header
        return f"{header.created_at} {header.generation} {self._totals.changes} {header.files}"

    def items(self, ids: Collection[str]) -> dict[str, Item]:
        records = self._state.generation.records(list(ids))
        return {id_: record.item for id_, record in records.items()}

    def item(self, id: str) -> Item:  # noqa: A002
        known = None if self.gallery.row(id) is None else self.items((id,)).get(id)
        if known is None:
            raise UnknownItemError(f"{id}: no such item in this collection")
        return known

    def embeddings(self, id: str) -> dict[Space, Vector]:  # noqa: A002
        row = self.gallery.row(id)
        if row is None:
            raise UnknownItemError(f"{id}: no such item in this collection")
        return {space: self.gallery.embedding(row, space) for space in self.spaces}

    def matching(self, filter: Filter) -> Matching:  # noqa: A002
        expression = expression_of(filter, self._totals.widest)
        return self.gallery.matching(Asked(filter, expression))

    def worded(self, text: str) -> Iterator[Ranked]:
        with self._state.mirror.seen() as (catalogue, gallery):
            for tier in tiers(catalogue, gallery, text):
                yield Ranked(self.gallery.rows_met(gallery.ids(tier.rows)), tier.scores)

    def listed(self, browsing: Browsing) -> Listing:
        with self._state.mirror.seen() as (catalogue, gallery):
            where = browsing.where
            selection = None if where is None else matching(catalogue, gallery, where)
            return listing(catalogue, gallery, browsing, selection)

    def facets(self, counting: Counting) -> Facets:
        with self._state.mirror.seen() as (catalogue, gallery):
            where = counting.where
            selection = None if where is None else matching(catalogue, gallery, where)
            return facets(catalogue, gallery, counting, selection)

    def overview(self, looking: Looking) -> Overview:
        gallery = self._state.plot.gallery()
        if looking.where is None:
            return overview(gallery, looking, None)
        with self._state.mirror.seen() as (catalogue, _):
            return overview(gallery, looking, matching(catalogue, gallery, looking.where))

    def unknown_fields(self, filter: Filter | None, *fields: str) -> list[str]:  # noqa: A002
        """By the names that were ever told of this generation."""
        asked = [*(asked_of(filter) if filter else ()), *fields]
        found = [misspelt(field, self._totals.fields) for field in asked]
        return [text for text in dict.fromkeys(found) if text is not None]

    def thumbnail(self, id: str) -> bytes:  # noqa: A002
        item = self.item(id)
        live, published = self._files.both
        has_live = live.thumbnail(item.id).is_file()
        return read_thumbnail(live if has_live else published, item.id)

    def original(self, id: str) -> bytes:  # noqa: A002
        return read_original(self.item(id), self._places(id))

    def open_original(self, id: str, giving: Giving) -> Original:  # noqa: A002
        return open_original(self.item(id), self._places(id), giving)

    def _places(self, id_: str) -> dict[str, Path]:
        """Where each source's files lie, and where the bytes of this item do, if they were sent."""
        live, published = self._files.both
        sent = live if live.upload(id_).is_file() else published
        return {**self.roots(), UPLOADS: sent.uploads}

    def roots(self) -> dict[str, Path]:
        recorded = {name: Path(path) for name, path in self._state.header.roots.items()}
        return {**recorded, **self._repointed}

    def gone(self) -> Iterator[Failure]:
        for records in self._state.generation.every_record():
            for record in records:
                try:
                    read_original(record.item, self._places(record.item.id))
                except GoneError as error:
                    at = record.item.occurrences[0]
                    yield Failure(at.source, at.path, str(error).partition(": ")[2])

    def failures(self) -> Iterator[Failure]:
        return iter(self._state.generation.notes.failures())

    def statistics(self) -> CollectionStatistics:
        header, generation = self._state.header, self._state.generation
        return CollectionStatistics(
            items=self.count,
            occurrences=self._totals.occurrences,
            failures=header.failures,
            generation=header.generation,
            spaces=header.spaces,
            model=header.model,
            sources=tuple(Root(name, path) for name, path in self.roots().items()),
            created_at=header.created_at,
            updated_at=header.updated_at,
            vector_bytes=sum(2 * space.dimension for space in header.spaces) * self.count,
            indexes=tuple(self._indexes),
            delta=generation.count("live == true"),
            deleted=generation.notes.count("deleted") + generation.notes.count("away"),
            map=None,
        )

    @cached_property
    def _indexes(self) -> list[IndexStatistics]:
        index = self._state.header.index
        return [
            IndexStatistics(
                space=space.name,
                factory=f"Milvus {index['name']}",
                rows=self.count,
                recall_image=index["recalls"][position],
                recall_text=index["recalls"][position],
            )
            for position, space in enumerate(self.spaces)
        ]
