"""Items of the collection: what is known of one, its original file, its thumbnail."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from service.heating import heatmap_response
from service.parts import HeatingDep, LibraryDep
from service.pictures.files import original_response, thumbnail_response
from service.schemas.heatmaps import HEATMAP, HeatmapAnswer, HeatmapQuery
from service.schemas.pictures import EXAMPLE_ID, ITEM_ID
from service.schemas.resources import ItemAnswer, item_answer

router = APIRouter(prefix="/v1/images", tags=["images"])

ItemIdPath = Annotated[str, Path(pattern=ITEM_ID, examples=[EXAMPLE_ID])]
CONTENT: dict[str, Any] = {
    "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}
}
PICTURE: dict[int | str, dict[str, Any]] = {
    200: CONTENT,
    206: {"description": "The range that was asked for.", **CONTENT},
    304: {"description": "The client's copy is still it."},
}


@router.get("/{item_id}")
async def image(item_id: ItemIdPath, library: LibraryDep) -> ItemAnswer:
    """What the collection knows of a picture, with every place where it was found."""
    return item_answer(await library.item(item_id))


@router.head("/{item_id}/file", include_in_schema=False)
@router.get("/{item_id}/file", response_class=Response, responses=PICTURE)
async def file(item_id: ItemIdPath, request: Request, library: LibraryDep) -> Response:
    """The original, byte for byte; 410 where it cannot be read any more."""
    return await original_response(item_id, request, library)


@router.head("/{item_id}/thumbnail", include_in_schema=False)
@router.get("/{item_id}/thumbnail", response_class=Response, responses=PICTURE)
async def thumbnail(item_id: ItemIdPath, request: Request, library: LibraryDep) -> Response:
    """A small WebP."""
    return await thumbnail_response(item_id, request, library)


@router.get("/{item_id}/heatmap", response_model=HeatmapAnswer, responses=HEATMAP)
async def heatmap(
    item_id: ItemIdPath,
    query: Annotated[HeatmapQuery, Query()],
    request: Request,
    heating: HeatingDep,
) -> Response:
    """Which parts of a picture match the words, as a PNG to lay over it or as numbers."""
    return await heatmap_response(item_id, query, request, heating)
