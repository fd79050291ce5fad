"""Pictures to search with, sent once and then named by a handle."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from service.parts import KeptPicturesDep
from service.pictures.files import kept_thumbnail_response
from service.routes.images import PICTURE
from service.schemas.handles import KEEP_BODY, HandleAnswer, SentPictureDep, handle_answer
from service.schemas.pictures import EXAMPLE_HANDLE, HANDLE

router = APIRouter(prefix="/v1/pictures", tags=["search"])

HandlePath = Annotated[str, Path(pattern=HANDLE, examples=[EXAMPLE_HANDLE])]


@router.post("", status_code=201, openapi_extra={"requestBody": KEEP_BODY})
async def keep_picture(data: SentPictureDep, kept: KeptPicturesDep) -> HandleAnswer:
    """Keep a picture for a while, so that several searches need it sent only once."""
    return handle_answer(await kept.keep(data))


@router.head("/{handle}/thumbnail", include_in_schema=False)
@router.get("/{handle}/thumbnail", response_class=Response, responses=PICTURE)
async def kept_thumbnail(handle: HandlePath, request: Request, kept: KeptPicturesDep) -> Response:
    """A small WebP of a kept picture; 410 once it has gone."""
    return kept_thumbnail_response(await kept.get(handle), kept, request)
