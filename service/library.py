"""The collection as the service reads it, off the event loop.

Every read opens a snapshot, and its vectors are of the served model's spaces: a collection that was
rebuilt with another model meanwhile is read as it was before, and one that was another model's from
the start is refused with SpaceError.
Raises UnknownItemError, GoneError and CollectionError as the index does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from index.items import Item
from index.opened import Original
from index.originals import Giving
from index.search import Page, search
from index.searching.hybrid import Extent, search_hybrid, search_words
from index.served import Collection, Snapshot
from index.snapshot import CollectionStatistics
from models.encoders import PictureEmbeddings
from models.errors import GoneError, InputError, SpaceError, WithheldError
from models.machine import available_threads
from models.query import Question, single
from models.space import Space, named
from service.model.pulse import Pulse
from service.model.workers import Workers
from service.settings import Settings
from service.telemetry.measures import Measures, Stage, Unmeasured, timed

WARMING_SEARCHES = 16

# no failures of the collection's
EXPECTED = (InputError, GoneError, WithheldError)

T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    page: Page
    items: dict[str, Item]
    warnings: tuple[str, ...] = ()


class Library:
    def __init__(
        self,
        collection: Collection,
        spaces: tuple[Space, ...],
        settings: Settings,
        measures: Measures | None = None,
    ) -> None:
        self._collection = collection
        self._spaces = spaces
        threads = settings.threads or available_threads()
        self._measures = measures or Unmeasured()
        self._readers = Workers(
            "reading", threads=threads, max_queue=settings.max_queue, measures=self._measures
        )
        self.pulse = Pulse()
        self._giving = Giving(with_place=not settings.strip_gps)
        with self._snapshot():
            pass  # refuses another model's collection at start-up
        collection.keep_to(spaces)

    def stop(self) -> None:
        self._readers.stop()

    @property
    def loaded(self) -> bool:
        """Whether reads wait for a thread."""
        return self._readers.loaded

    @property
    def strips_gps(self) -> bool:
        """Whether the place is left out of originals."""
        return not self._giving.with_place

    async def warm_up(self) -> None:
        """A few searches, so that what a search needs of the files is in memory."""
        await self._read(_search_some)

    async def find(self, question: Question, extent: Extent) -> Found:
        """The items of one page of the question's hits."""
        return await self._found(extent, lambda snapshot: _search(snapshot, question, extent))

    async def find_words(self, text: str, extent: Extent) -> Found:
        """The items of one page of those that have the words."""
        return await self._found(extent, lambda snapshot: search_words(snapshot, text, extent))

    async def find_hybrid(self, question: Question, text: str, extent: Extent) -> Found:
        """The items of one page of the question's hits and the words', fused."""
        return await self._found(
            extent, lambda snapshot: search_hybrid(snapshot, question, text, extent)
        )

    async def stored_embeddings(self, item_id: str) -> PictureEmbeddings:
        """Raw, in every space; raises GoneError where the original cannot be read any more."""

        def read(snapshot: Snapshot) -> PictureEmbeddings:
            snapshot.original(item_id)
            return snapshot.embeddings(item_id)

        return await self._read(read)

    async def item(self, item_id: str) -> Item:
        return await self._read(lambda snapshot: snapshot.item(item_id))

    async def original(self, item_id: str) -> bytes:
        return await self._read(lambda snapshot: snapshot.original(item_id))

    async def open_original(self, item_id: str) -> Original:
        """For the caller to close; without the place where the settings leave that out."""
        return await self._read(lambda snapshot: snapshot.open_original(item_id, self._giving))

    async def thumbnail(self, item_id: str) -> bytes:
        return await self._read(lambda snapshot: snapshot.thumbnail(item_id))

    async def statistics(self) -> CollectionStatistics:
        return await self._read(lambda snapshot: snapshot.statistics())

    async def read(self, read: Callable[[Snapshot], T]) -> T:
        """What it gives of one snapshot."""
        return await self._read(read)

    async def _found(self, extent: Extent, find: Callable[[Snapshot], Page]) -> Found:
        def read(snapshot: Snapshot) -> Found:
            with timed(self._measures, Stage.SEARCH):
                page = find(snapshot)
            with timed(self._measures, Stage.FETCH):
                items = snapshot.items([hit.id for hit in page.hits])
                return Found(page, items, tuple(snapshot.unknown_fields(extent.where)))

        return await self._read(read)

    async def _read(self, read: Callable[[Snapshot], T]) -> T:
        def in_snapshot() -> T:
            try:
                with self._snapshot() as snapshot:
                    result = read(snapshot)
            except Exception as error:
                if not isinstance(error, EXPECTED):
                    self.pulse.fail()
                raise
            self.pulse.beat()
            return result

        return await self._readers.run(in_snapshot)

    @contextmanager
    def _snapshot(self) -> Iterator[Snapshot]:
        with self._collection.snapshot() as snapshot:
            if snapshot.spaces != self._spaces:
                raise SpaceError(
                    f"the collection's vectors are of {named(snapshot.spaces)}, the served model's "
                    f"of {named(self._spaces)}: serve the collection's model, or index it again"
                )
            self._measures.snapshot_opened()
            try:
                yield snapshot
            finally:
                self._measures.snapshot_closed()


def _search_some(snapshot: Snapshot) -> None:
    gallery = snapshot.gallery
    spread = gallery.rows[:: max(1, gallery.count // WARMING_SEARCHES)][:WARMING_SEARCHES]
    for row in spread.tolist():
        for space in snapshot.spaces:
            embedding = gallery.embedding(row, space)
            page = _search(snapshot, single(space, embedding), Extent(limit=20))
            snapshot.items([hit.id for hit in page.hits])


def _search(snapshot: Snapshot, question: Question, extent: Extent) -> Page:
    return search(
        snapshot,
        question,
        limit=extent.limit,
        cursor=extent.cursor,
        min_score=extent.min_score,
        without=extent.without,
        where=extent.where,
    )
