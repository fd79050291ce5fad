"""Embeddings of texts and pictures, for clients that search on their own."""

from fastapi import APIRouter

from service.parts import AnswersDep
from service.schemas.bodies import JsonOnly
from service.schemas.embeddings import EmbeddingsRequest, EmbeddingsResponse

router = APIRouter(prefix="/v1/embeddings", tags=["embeddings"])


@router.post("", dependencies=[JsonOnly])
async def embeddings(request: EmbeddingsRequest, answers: AnswersDep) -> EmbeddingsResponse:
    """Unit vectors of the served model's space, in the shape of OpenAI's API."""
    return await answers.embeddings(request)
