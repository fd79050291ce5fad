"""The collection and the model that this server answers from."""

from fastapi import APIRouter

from service.parts import LibraryDep, PartsDep
from service.resources import (
    CollectionAnswer,
    ModelsAnswer,
    collection_answer,
    models_answer,
)

router = APIRouter(prefix="/v1", tags=["collection"])


@router.get("/collection")
async def collection(library: LibraryDep) -> CollectionAnswer:
    """How much the collection holds, of which sources, in which space."""
    return collection_answer(await library.statistics())


@router.get("/models")
async def models(parts: PartsDep) -> ModelsAnswer:
    """The one model that this server runs."""
    return models_answer(parts.encoding.spaces, parts.device, parts.composers)
