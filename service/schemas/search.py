"""What a search asks and answers, as JSON; the contract of version 1.

Unknown fields are refused, and so is, under the code `not_supported`, every field of the contract
whose feature this server doesn't have yet: nothing that was asked for is ignored.
"""

import json
from typing import Annotated, Any, Literal, Self

from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError
from starlette.datastructures import FormData, UploadFile

from models.composers.registry import KINDS, checked_weight
from models.errors import InputError
from service.problems import NOT_SUPPORTED
from service.schemas.crops import CropBox
from service.schemas.filters import FilterContent
from service.schemas.pictures import EXAMPLE_ID, ImageReference, Strict

MAX_TEXT_CHARS = 4000
MAX_INSTRUCTIONS = 16
MAX_CURSOR_CHARS = 65_536

EXAMPLES: list[JsonValue] = [
    {"text": "two dogs in snow"},
    {"image": {"id": EXAMPLE_ID}, "limit": 50},
    {
        "image": {"id": EXAMPLE_ID},
        "text": "at night",
        "composer": {"name": "slerp", "weight": 0.5},
        "exclude": [{"text": "people", "weight": 0.5}],
    },
    {"text": "IMG_2041", "mode": "hybrid", "filter": {"field": "taken_at", "gte": "2023"}},
]


def _says_something(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("empty_text", "text is empty, expected at least one word")
    return text


def _one_or_more(value: Any) -> Any:  # noqa: ANN401
    return [value] if isinstance(value, str) else value


def _unbuilt(value: Any) -> Any:  # noqa: ANN401
    if value is not None:
        raise PydanticCustomError(NOT_SUPPORTED, "this server does not support this field yet")
    return value


Text = Annotated[str, StringConstraints(max_length=MAX_TEXT_CHARS), AfterValidator(_says_something)]
Texts = Annotated[
    list[Text],
    BeforeValidator(_one_or_more),
    Field(min_length=1, max_length=MAX_INSTRUCTIONS),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": MAX_TEXT_CHARS},
                {"type": "array", "items": {"type": "string"}, "maxItems": MAX_INSTRUCTIONS},
            ]
        }
    ),
]
Unbuilt = Annotated[Any, AfterValidator(_unbuilt), Field(description="Not supported yet: 422.")]
MAX_COMPOSER_CHARS = 64
MAX_EXCLUDED = 16


class ComposerChoice(Strict):
    """How a picture and instructions become one query; GET /v1/models lists what this model has.

    sum: picture + weight x text, weight 0 to 100, 1 unless given. slerp: along the arc from the
    picture to the text, weight 0 to 1, 0.5 unless given. The others take no weight.
    """

    name: str | None = Field(
        default=None,
        max_length=MAX_COMPOSER_CHARS,
        description="The model's default unless given; 400 for one that this model has not.",
        examples=[*KINDS],
    )
    weight: float | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _weight_in_range(self) -> Self:
        if self.weight is None or (self.name is not None and self.name not in KINDS):
            return self
        try:
            if self.name is None:
                raise InputError("weight: expected the name of the composer that it is for")
            checked_weight(self.name, self.weight)
        except InputError as error:
            raise PydanticCustomError("invalid_composer", "{why}", {"why": str(error)}) from error
        return self


class ExcludedPart(Strict):
    """A text or a picture to stay away from: score - weight x cosine similarity to it."""

    text: Text | None = None
    image: ImageReference | None = None
    weight: float = Field(default=0.5, gt=0, le=10, allow_inf_nan=False)

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.text is None) == (self.image is None):
            raise PydanticCustomError("one_of", "expected exactly one of text and image")
        return self


class SearchRequest(Strict):
    """A text, a picture, or both.

    With a picture, the text is the instruction that changes it, or a list of them, in turn.
    """

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES})

    text: Texts | None = Field(default=None, examples=["at night"])
    image: ImageReference | None = None
    limit: int = Field(default=20, ge=1, le=1000)
    cursor: str | None = Field(
        default=None, max_length=MAX_CURSOR_CHARS, description="`next_cursor` of the page before."
    )
    min_score: float | None = Field(
        default=None, allow_inf_nan=False, description="Hits that score less are left out."
    )
    composer: ComposerChoice | None = None
    mode: Literal["vector", "words", "hybrid"] = Field(
        default="vector",
        description="How a text is looked for: by what pictures show, by the words of captions and "
        "paths, or by both.",
    )
    exclude: list[ExcludedPart] | None = Field(default=None, max_length=MAX_EXCLUDED)
    filter: FilterContent | None = None
    crop: CropBox | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.text is None and self.image is None:
            raise PydanticCustomError("empty_query", "expected text, image or both")
        if self.crop is not None and self.image is None:
            raise PydanticCustomError(
                "crop_without_image", "crop is of an image, and there is none"
            )
        if self.image is None and len(self.text or ()) > 1:
            raise PydanticCustomError(
                "instructions_without_image", "a list of instructions needs an image to change"
            )
        return self

    @model_validator(mode="after")
    def _has_words(self) -> Self:
        if self.mode == "words" and self.image is not None:
            raise PydanticCustomError("mode_without_image", "mode words takes a text and no image")
        if self.mode == "hybrid" and self.text is None:
            raise PydanticCustomError(
                "mode_without_text", "mode hybrid looks for words too, and there is no text"
            )
        if self.mode == "words" and self.exclude:
            raise PydanticCustomError("words_exclude", "mode words has no similarity to exclude by")
        return self

    @property
    def kind(self) -> Literal["text", "image", "composed"]:
        if self.image is None:
            return "text"
        return "image" if self.text is None else "composed"


class SearchHit(BaseModel):
    id: str
    score: float = Field(
        description="Higher is nearer: the cosine similarity to the query, less the weighted "
        "similarities to what it excludes; `basic`, words and hybrid have scales of their own."
    )
    path: str
    paths: list[str] = Field(description="Every place where this picture was found.")
    caption: str | None
    width: int
    height: int
    metadata: dict[str, Any]
    image_url: str
    thumbnail_url: str


class SearchResponse(BaseModel):
    kind: Literal["text", "image", "composed"]
    model: str
    space: str | None = Field(
        description="Names the set of vectors that were compared first of all; null for words."
    )
    composer: str | None = Field(description="Of a composed query, else null.")
    took_ms: float
    next_cursor: str | None = Field(description="Asks for the next page; null on the last.")
    warnings: list[str]
    hits: list[SearchHit]


JSON_FORM_FIELDS = frozenset(SearchRequest.model_fields) - {"text", "image", "cursor", "mode"}


async def request_of_form(form: FormData) -> SearchRequest:
    """The query of a multipart form: file `image`, `text` once or more, objects as JSON strings.

    Raises RequestValidationError with the fields and codes that the same query as JSON would give.
    """
    values: dict[str, Any] = {}
    try:
        for name in form:
            values[name] = await _form_value(name, form.getlist(name))
        return SearchRequest.model_validate(values)
    except ValidationError as error:
        found = [each | {"loc": ("body", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(found) from error


async def _form_value(name: str, sent: list[UploadFile | str]) -> Any:  # noqa: ANN401
    if name == "text":
        return sent
    if len(sent) > 1:
        raise form_error(name, "repeated", "expected once")
    value = sent[0]
    if name == "image":
        if not isinstance(value, UploadFile):
            raise form_error(name, "file_expected", "expected a file")
        return {"base64": await value.read()}
    if name in JSON_FORM_FIELDS and isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            raise form_error(name, "json_invalid", "not valid JSON") from error
    return value


def form_error(name: str, code: str, detail: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("body", name), "type": code, "msg": detail}])
