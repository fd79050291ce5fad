"""What adding asks and answers, as JSON and as a form."""

import json
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from starlette.datastructures import FormData, UploadFile

from service.changes.adding import Outcome, Sent
from service.problems import problem_content
from service.schemas.bodies import JSON, MULTIPART, media_type, received_form
from service.schemas.item_addresses import image_url, thumbnail_url
from service.schemas.pictures import Base64, Strict
from service.schemas.search import form_error

MAX_IMAGES = 10_000  # of one request
MAX_NAME_CHARS = 1_000
MAX_CAPTION_CHARS = 4_000
MAX_URL_CHARS = 8_000
MAX_METADATA = 200  # names of one picture
MAX_VALUES = 200  # of one list
MAX_VALUE_CHARS = 4_000
INT64 = 2**63

Scalar = str | int | float | bool
FORM_FIELDS = ("image", "caption", "metadata")


def _sound(metadata: dict[str, Scalar | list[Scalar]]) -> dict[str, Scalar | list[Scalar]]:
    if len(metadata) > MAX_METADATA:
        raise PydanticCustomError("too_long", "over 200 names")
    for name, value in metadata.items():
        if not name or len(name) > MAX_METADATA:
            raise PydanticCustomError("metadata_name", "a name of 1 to 200 characters is expected")
        values = value if isinstance(value, list) else [value]
        if len(values) > MAX_VALUES or not all(map(_fits, [name, *values])):
            raise PydanticCustomError("metadata_value", "a value is too long, or out of range")
    return metadata


def _fits(value: Scalar) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_VALUE_CHARS and _is_whole(value)
    return math.isfinite(value) and -INT64 <= value < INT64


def _is_whole(text: str) -> bool:
    """Without half of a character."""
    return text == text.encode(errors="replace").decode()


def _whole(text: str) -> str:
    if not _is_whole(text):
        raise PydanticCustomError("half_character", "text holds half of a character")
    return text


WholeText = Annotated[str, AfterValidator(_whole)]
MetadataContent = Annotated[dict[str, Scalar | list[Scalar]], AfterValidator(_sound)]


class Said(Strict):
    """What is said of a picture; of what is not said, what was said before stays."""

    name: WholeText | None = Field(
        default=None,
        max_length=MAX_NAME_CHARS,
        description="What it is called, with / between folders; nothing is written there.",
        examples=["trip/beach.jpg"],
    )
    caption: WholeText | None = Field(default=None, max_length=MAX_CAPTION_CHARS)
    metadata: MetadataContent | None = Field(
        default=None, examples=[{"tags": ["beach", "tent"], "stars": 4}]
    )

    def of(self, data: bytes | None, url: str | None) -> Sent:
        return Sent(data, url, self.name, self.caption or None, self.metadata)


class ImageToAdd(Said):
    """A picture: its bytes, or its address where this server fetches from addresses."""

    base64: Base64 | None = Field(default=None, description="The bytes of a picture file.")
    url: WholeText | None = Field(default=None, max_length=MAX_URL_CHARS)

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.base64 is None) == (self.url is None):
            raise PydanticCustomError("one_of", "expected exactly one of base64 and url")
        return self

    @property
    def sent(self) -> Sent:
        return self.of(self.base64, self.url)


class AddRequest(Strict):
    images: list[ImageToAdd] = Field(min_length=1, max_length=MAX_IMAGES)


class ItemProblem(BaseModel):
    """Why one picture could not be added."""

    status: int
    code: str
    detail: str


class AddedImage(BaseModel):
    index: int = Field(description="Of the picture in the request, from 0.")
    status: Literal["added", "known", "failed"] = Field(
        description="known: these bytes were there already; what was said of them was taken over."
    )
    name: str | None
    id: str | None = None
    path: str | None = Field(default=None, description="Of the source @uploads.")
    image_url: str | None = None
    thumbnail_url: str | None = None
    error: ItemProblem | None = None


class AddAnswer(BaseModel):
    added: int
    known: int
    failed: int
    images: list[AddedImage]


class JobAnswer(BaseModel):
    """Pictures that are added behind the request that sent them."""

    id: str
    status: Literal["queued", "running", "done"]
    url: str
    created_at: datetime
    finished_at: datetime | None
    total: int
    added: int
    known: int
    failed: int
    images: list[AddedImage] = Field(description="Outcomes so far, in order; a page of them.")


def image_answer(index: int, outcome: Outcome) -> AddedImage:
    return AddedImage(
        index=index,
        status=outcome.status,
        name=outcome.name,
        id=outcome.id,
        path=outcome.path,
        image_url=image_url(outcome.id) if outcome.id else None,
        thumbnail_url=thumbnail_url(outcome.id) if outcome.id else None,
        error=None if outcome.error is None else ItemProblem(**problem_content(outcome.error)),
    )


def add_answer(outcomes: Sequence[Outcome]) -> AddAnswer:
    statuses = [outcome.status for outcome in outcomes]
    return AddAnswer(
        added=statuses.count("added"),
        known=statuses.count("known"),
        failed=statuses.count("failed"),
        images=[image_answer(index, outcome) for index, outcome in enumerate(outcomes)],
    )


async def _sent(request: Request) -> list[Sent]:
    kind = media_type(request, JSON, MULTIPART)
    if kind == JSON:
        return [each.sent for each in _of_json(await request.body()).images]
    async with received_form(request, max_files=MAX_IMAGES, max_fields=2 * MAX_IMAGES) as form:
        return await _of_form(form)


SentDep = Annotated[list[Sent], Depends(_sent)]


def _of_json(body: bytes) -> AddRequest:
    try:
        return AddRequest.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from error


async def _of_form(form: FormData) -> list[Sent]:
    for name in form:
        if name not in FORM_FIELDS:
            raise form_error(name, "extra_forbidden", "expected image, caption or metadata")
    files = form.getlist("image")
    if not files:
        raise form_error("image", "missing", "expected a file, or several")
    captions = _of_each(form, "caption", len(files))
    metadata = _of_each(form, "metadata", len(files))
    sent = []
    for file, caption, text in zip(files, captions, metadata, strict=True):
        if not isinstance(file, UploadFile):
            raise form_error("image", "file_expected", "expected a file")
        sent.append(await _of_file(file, caption, text))
    return sent


async def _of_file(file: UploadFile, caption: str | None, text: str | None) -> Sent:
    try:
        metadata = json.loads(text) if text else None
    except (ValueError, RecursionError) as error:
        raise form_error("metadata", "json_invalid", "not valid JSON") from error
    content = {"caption": caption, "metadata": metadata, "name": file.filename or None}
    try:
        said = Said.model_validate(content)
    except ValidationError as error:
        raise _invalid(error) from error
    return said.of(await file.read(), None)


def _of_each(form: FormData, name: str, count: int) -> list[str | None]:
    """One for each file, in their order, or none at all."""
    values = form.getlist(name)
    if not values:
        return [None] * count
    if len(values) != count or not all(isinstance(value, str) for value in values):
        raise form_error(name, "one_each", f"expected {count}, one for each image, or none")
    return [value for value in values if isinstance(value, str)]


def _invalid(error: ValidationError) -> RequestValidationError:
    found: list[dict[str, Any]] = [
        {**each, "loc": ("body", *each["loc"])} for each in error.errors(include_input=False)
    ]
    return RequestValidationError(found)
