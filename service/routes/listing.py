"""The collection page by page, and how its items spread over the values of a field."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.overviews import overview_response
from service.parts import BrowserDep, LibraryDep
from service.schemas.listing import FacetsAnswer, FacetsQuery, ListingAnswer, ListingQuery
from service.schemas.overview import UNCHANGED, OverviewAnswer, OverviewQuery

router = APIRouter(prefix="/v1", tags=["images"])


@router.get("/images")
async def images(query: Annotated[ListingQuery, Query()], browser: BrowserDep) -> ListingAnswer:
    """All pictures, or those that satisfy a filter, in an order."""
    return await browser.listing(query)


@router.get("/facets")
async def facets(query: Annotated[FacetsQuery, Query()], browser: BrowserDep) -> FacetsAnswer:
    """How many pictures have each value of a field, the most frequent values."""
    return await browser.facets(query)


@router.get("/overview", response_model=OverviewAnswer, responses=UNCHANGED)
async def overview(
    query: Annotated[OverviewQuery, Query()], request: Request, library: LibraryDep
) -> Response:
    """A box of the plane on which pictures that are alike lie near each other."""
    return await overview_response(query, request, library)
