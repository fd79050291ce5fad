"""The collection page by page, and how its items spread over the values of a field."""

from typing import Annotated

from fastapi import APIRouter, Query

from service.listing_schemas import FacetsAnswer, FacetsQuery, ListingAnswer, ListingQuery
from service.parts import BrowserDep

router = APIRouter(prefix="/v1", tags=["images"])


@router.get("/images")
async def images(query: Annotated[ListingQuery, Query()], browser: BrowserDep) -> ListingAnswer:
    """All pictures, or those that satisfy a filter, in an order."""
    return await browser.listing(query)


@router.get("/facets")
async def facets(query: Annotated[FacetsQuery, Query()], browser: BrowserDep) -> FacetsAnswer:
    """How many pictures have each value of a field, the most frequent values."""
    return await browser.facets(query)
