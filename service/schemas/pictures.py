"""A picture as requests name one: by its id, bytes or address, or the handle it is kept by."""

import base64
import binascii
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

ITEM_ID = r"^[0-9a-f]{32}$"
EXAMPLE_ID = "9f86d081884c7d659a2feaa0c55ad015"
HANDLE = r"^[A-Za-z0-9_-]{32}$"
EXAMPLE_HANDLE = "q7Jx2Wf0cT9vKdLhA4mNsE1uYbR6gPzo"
MAX_URL_CHARS = 8000


class Strict(BaseModel):
    """A request's model: no field that it doesn't know, no type that it didn't ask for."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _from_base64(value: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PydanticCustomError("invalid_base64", "not valid base64") from error


ItemId = Annotated[str, StringConstraints(pattern=ITEM_ID)]
Handle = Annotated[
    str,
    StringConstraints(pattern=HANDLE),
    Field(description="What POST /v1/pictures gave; 410 once the picture has gone."),
]
Base64 = Annotated[
    bytes,
    BeforeValidator(_from_base64),
    WithJsonSchema({"type": "string", "contentEncoding": "base64"}),
]
Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_URL_CHARS),
    Field(
        description="http or https; fetched where PICTOR_FETCH_URLS allows it, else 403.",
        examples=["https://pictures.example/beach.jpg"],
    ),
]


class ImageReference(Strict):
    """A picture: one of the collection by its id, or any by its bytes, address or handle."""

    id: ItemId | None = Field(default=None, examples=[EXAMPLE_ID])
    base64: Base64 | None = Field(default=None, description="The bytes of a picture file.")
    url: Url | None = None
    handle: Handle | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(each is not None for each in (self.id, self.base64, self.url, self.handle)) != 1:
            raise PydanticCustomError("one_of", "expected exactly one of id, base64, url, handle")
        return self


class SentPicture(Strict):
    """A picture that was sent: its bytes, or the handle that they are kept by."""

    base64: Base64 | None = None
    handle: Handle | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.base64 is None) == (self.handle is None):
            raise PydanticCustomError("one_of", "expected exactly one of base64 and handle")
        return self

    @property
    def reference(self) -> ImageReference:
        return ImageReference(base64=self.base64, handle=self.handle)
