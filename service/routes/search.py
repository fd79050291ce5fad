"""Search by text, by picture, or by a picture and what to change about it."""

from fastapi import APIRouter

from service.parts import AnswersDep
from service.schemas.bodies import UPLOAD_BODY, JsonOnly, UploadDep
from service.schemas.search import SearchRequest, SearchResponse
from service.telemetry.current import QUERY, note

router = APIRouter(prefix="/v1/search", tags=["search"])


@router.post("", dependencies=[JsonOnly])
async def search(query: SearchRequest, answers: AnswersDep) -> SearchResponse:
    """A text finds pictures of it, a picture finds more like it, both together compose."""
    note(QUERY, query.text)
    return await answers.search(query)


@router.post("/upload", openapi_extra={"requestBody": UPLOAD_BODY})
async def search_by_upload(query: UploadDep, answers: AnswersDep) -> SearchResponse:
    """The same query as a form, with the picture as a file."""
    note(QUERY, query.text)
    return await answers.search(query)
