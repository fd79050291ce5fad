"""The collection and the model that this server answers from."""

from typing import Annotated

from fastapi import APIRouter, Path

from service.errors import UnknownModelError
from service.parts import LibraryDep, PartsDep
from service.schemas.resources import (
    CollectionAnswer,
    ModelAnswer,
    ModelsAnswer,
    collection_answer,
    model_answer,
)

router = APIRouter(prefix="/v1", tags=["collection"])


@router.get("/collection")
async def collection(library: LibraryDep) -> CollectionAnswer:
    """How much the collection holds, of which sources, in which space, and how well it is found."""
    return collection_answer(await library.statistics())


@router.get("/models")
async def models(parts: PartsDep) -> ModelsAnswer:
    """The one model that this server runs, in the shape of OpenAI's API."""
    return ModelsAnswer(data=[await _served(parts)])


@router.get("/models/{model:path}")
async def model(model: Annotated[str, Path(examples=["starter"])], parts: PartsDep) -> ModelAnswer:
    """The model of this name; 404 for one that this server does not run."""
    served = await _served(parts)
    if model != served.id:
        raise UnknownModelError(f"model {model!r}: this server serves {served.id}")
    return served


async def _served(parts: PartsDep) -> ModelAnswer:
    statistics = await parts.library.statistics()
    spaces, built_at = parts.encoding.spaces, statistics.created_at
    return model_answer(spaces, parts.device, parts.composers, built_at)
