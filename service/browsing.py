"""Listings and counts of a collection's items: from a request to its answer, apart from HTTP."""

from index.filtering.listing import Browsing
from index.served import Snapshot
from service.access.seals import Seals
from service.library import Library
from service.schemas.listing import (
    FacetsAnswer,
    FacetsQuery,
    ListingAnswer,
    ListingQuery,
    Page,
    facets_answer,
    listed_item,
)


class Browser:
    def __init__(self, library: Library, seals: Seals) -> None:
        self._library = library
        self._seals = seals

    async def listing(self, query: ListingQuery) -> ListingAnswer:
        cursor = query.cursor and self._seals.opened("images", query.cursor)
        browsing = query.browsing(cursor)
        page = await self._library.read(lambda snapshot: _page(snapshot, browsing))
        return ListingAnswer(
            items=[listed_item(item, page.added_at.get(item.id)) for item in page.items],
            total=page.total,
            next_cursor=self._seals.sealed("images", page.next_cursor),
            warnings=list(page.warnings),
        )

    async def facets(self, query: FacetsQuery) -> FacetsAnswer:
        counting = query.counting()

        def read(snapshot: Snapshot) -> FacetsAnswer:
            warnings = snapshot.unknown_fields(counting.where, counting.name)
            return facets_answer(query.field, snapshot.facets(counting), warnings)

        return await self._library.read(read)


def _page(snapshot: Snapshot, browsing: Browsing) -> Page:
    listing = snapshot.listed(browsing)
    return Page(
        items=list(snapshot.items(listing.ids).values()),
        added_at=listing.added_at,
        total=listing.total,
        next_cursor=listing.next_cursor,
        warnings=snapshot.unknown_fields(browsing.where),
    )
