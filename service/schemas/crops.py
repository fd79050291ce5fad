"""The part of a search's picture that is meant, as JSON: four numbers of 0 to 1."""

from typing import Annotated, Any

from pydantic import BeforeValidator, InstanceOf, WithJsonSchema
from pydantic_core import PydanticCustomError

from models.crop import Crop
from models.errors import InputError


def _crop(value: Any) -> Crop:  # noqa: ANN401
    numbers = isinstance(value, list) and all(type(each) in (int, float) for each in value)
    try:
        if not numbers or len(value) != 4:
            raise InputError("expected a list of four numbers")
        return Crop(*map(float, value))
    except (InputError, OverflowError) as error:
        raise PydanticCustomError("invalid_crop", "{why}", {"why": str(error)}) from error


CropBox = Annotated[
    InstanceOf[Crop],
    BeforeValidator(_crop),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "number", "minimum": 0, "maximum": 1},
            "minItems": 4,
            "maxItems": 4,
            "description": "Left, top, right, bottom of the part of `image` that is meant, in "
            "shares of its width and height.",
            "examples": [[0.1, 0.1, 0.9, 0.9]],
        }
    ),
]
