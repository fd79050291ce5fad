"""A picture that is sent to be kept for a while, and what its sender is told."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile

from service.pictures.kept_pictures import KeptPicture
from service.schemas.bodies import MULTIPART, media_type, received_form
from service.schemas.search import form_error

KEEP_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        MULTIPART: {
            "schema": {
                "type": "object",
                "required": ["image"],
                "properties": {"image": {"type": "string", "format": "binary"}},
            },
            "encoding": {"image": {"contentType": "image/*"}},
        }
    },
}


class HandleAnswer(BaseModel):
    handle: str = Field(description='For `image: {"handle": ...}`; whoever has it can use it.')
    expires_at: datetime = Field(
        description="When it is forgotten at the latest: newer pictures may need its room, and a "
        "restart of the server forgets all."
    )
    width: int = Field(description="Of the upright picture.")
    height: int
    thumbnail_url: str


def handle_answer(picture: KeptPicture) -> HandleAnswer:
    return HandleAnswer(
        handle=picture.handle,
        expires_at=picture.expires_at,
        width=picture.width,
        height=picture.height,
        thumbnail_url=f"/v1/pictures/{picture.handle}/thumbnail",
    )


async def _sent_picture(request: Request) -> bytes:
    media_type(request, MULTIPART)
    async with received_form(request, max_files=1, max_fields=1) as form:
        sent = form.getlist("image")
        unknown = sorted(set(form) - {"image"})
        if unknown:
            raise form_error(unknown[0], "extra_forbidden", "no field of this form")
        if len(sent) != 1 or not isinstance(sent[0], UploadFile):
            raise form_error("image", "file_expected", "expected one file")
        return await sent[0].read()


SentPictureDep = Annotated[bytes, Depends(_sent_picture)]
