"""Embeddings in the shape of OpenAI's API, for pictures too.

`input` is a text, {"text": ...} or {"image": {"base64": ...}}, or a list of those. Vectors are of
unit length. `usage` is there for clients that read it; tokens are not counted, so it is always 0.
"""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from models.vectors import Vector
from service.schemas import Base64, Strict, Text, Unbuilt

MAX_INPUTS = 256


class SentImage(Strict):
    base64: Base64


class EmbeddingInput(Strict):
    """A text or a picture."""

    text: Text | None = None
    image: SentImage | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.text is None) == (self.image is None):
            raise PydanticCustomError("one_of", "expected exactly one of text and image")
        return self


def _as_inputs(value: Any) -> Any:  # noqa: ANN401
    several = value if isinstance(value, list) else [value]
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
    dimensions: Unbuilt = None


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
