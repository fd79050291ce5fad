"""Embeddings in the shape of OpenAI's API, for pictures too.

`input` is a text, or, beyond OpenAI's, {"text": ...}, {"image": {"base64": ...}} or {"image":
{"handle": ...}}; or a list of those. Vectors are of unit length, and as long as the model makes
them: shortened ones of CLIP mean nothing, so `dimensions` can only say what they have anyway.
`user` is taken, and nothing is done with it. `usage` is there for clients that read it; tokens are
not counted, so it is always 0.
"""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from models.errors import InputError
from models.vectors import Vector
from service.schemas.pictures import SentPicture, Strict
from service.schemas.search import Text

MAX_INPUTS = 2048  # as OpenAI's


class EmbeddingInput(Strict):
    """A text or a picture."""

    text: Text | None = None
    image: SentPicture | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.text is None) == (self.image is None):
            raise PydanticCustomError("one_of", "expected exactly one of text and image")
        return self


def _as_inputs(value: Any) -> Any:  # noqa: ANN401
    several = value if isinstance(value, list) else [value]
    if any(isinstance(each, int | list) for each in several):
        raise PydanticCustomError("tokens", "tokens are of another model's tokenizer: send texts")
    return [{"text": each} if isinstance(each, str) else each for each in several]


class EmbeddingsRequest(Strict):
    input: Annotated[
        list[EmbeddingInput],
        BeforeValidator(_as_inputs),
        Field(min_length=1, max_length=MAX_INPUTS, examples=[["a red square"]]),
    ]
    model: str | None = Field(default=None, description="The served model, if given.")
    encoding_format: Literal["float", "base64"] = Field(
        default="float", description="base64: little-endian float32."
    )
    dimensions: int | None = Field(
        default=None, ge=1, description="What the model's vectors have; 422 for any other."
    )
    user: str | None = Field(default=None, max_length=512, description="Nothing is done with it.")

    def check_dimensions(self, dimension: int) -> None:
        if self.dimensions not in (None, dimension):
            raise InputError(
                f"dimensions: {self.dimensions}: this model's vectors have {dimension}, and mean "
                "nothing when they are shortened"
            )


class Embedding(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    prompt_tokens: int = 0
    total_tokens: int = 0


class EmbeddingsResponse(BaseModel):
    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    space: str
    usage: Usage = Usage()


def data_of(vectors: Sequence[Vector], encoding_format: str) -> list[Embedding]:
    """n vectors (dim,) -> n embeddings in order."""
    if encoding_format == "base64":
        texts = [base64.b64encode(v.astype("<f4").tobytes()).decode() for v in vectors]
        return [Embedding(index=i, embedding=text) for i, text in enumerate(texts)]
    return [Embedding(index=i, embedding=v.tolist()) for i, v in enumerate(vectors)]
