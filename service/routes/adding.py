"""Pictures join and leave the collection while it is served."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response

from service.parts import IntakeDep
from service.routes.images import ItemIdPath
from service.schemas.add_bodies import ADD_BODY, ADD_RESPONSES
from service.schemas.adding import AddAnswer, JobAnswer, SentDep

router = APIRouter(prefix="/v1", tags=["adding"])

JobIdPath = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Wait = Annotated[
    bool | None,
    Query(description="Whether to answer when all is added; what is many becomes a job else."),
]
Prefer = Annotated[str | None, Header(description="`respond-async` asks for a job.")]
DELETED: dict[int | str, dict[str, Any]] = {204: {"description": "It is gone, or was before."}}


@router.post(
    "/images",
    status_code=201,
    response_model=AddAnswer | JobAnswer,
    responses=ADD_RESPONSES,
    openapi_extra={"requestBody": ADD_BODY},
)
async def add_images(
    sent: SentDep, intake: IntakeDep, response: Response, wait: Wait = None, prefer: Prefer = None
) -> AddAnswer | JobAnswer:
    """Add pictures, which every search sees from then on; many become a job to follow."""
    return await intake.take(sent, response, wait=wait, prefer=prefer)


@router.delete("/images/{item_id}", status_code=204, responses=DELETED)
async def delete_image(item_id: ItemIdPath, intake: IntakeDep) -> None:
    """Remove a picture wherever it was found, with the bytes that were sent; files stay."""
    await intake.delete(item_id)


@router.get("/jobs/{job_id}")
async def job(
    job_id: JobIdPath,
    intake: IntakeDep,
    first: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=0, le=1_000)] = 100,
) -> JobAnswer:
    """How far a job is, and the outcomes of its pictures."""
    return await intake.jobs.get(job_id, first, limit)
