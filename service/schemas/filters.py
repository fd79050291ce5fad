"""A search's filter, as JSON; docs/filters.md says what it means.

What is wrong with one is said under the code `invalid_filter`, at its place in the request.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, InstanceOf, ValidationError, WithJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError

from index.filtering.filters import MAX_CONDITIONS, MAX_VALUES, Filter, FilterError, parse

INVALID_FILTER = "invalid_filter"

SCALAR = {"type": ["string", "number", "boolean"]}
PART: dict[str, Any] = {"type": "object", "description": "Again a filter."}
PARTS: dict[str, Any] = {"type": "array", "items": PART, "minItems": 1, "maxItems": MAX_CONDITIONS}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "One of `and`, `or` and `not`; or a `field` with one or more operators, which "
    "one value of it must satisfy together. Fields: source, path, caption, taken_at, latitude, "
    "longitude, camera, width, height, bytes, format, and every name of metadata.",
    "properties": {
        "and": PARTS,
        "or": PARTS,
        "not": PART,
        "field": {"type": "string"},
        **dict.fromkeys(("eq", "gt", "gte", "lt", "lte"), SCALAR),
        "in": {"type": "array", "items": SCALAR, "minItems": 1, "maxItems": MAX_VALUES},
        "prefix": {"type": "string"},
        "exists": {"type": "boolean"},
    },
    "additionalProperties": False,
    "examples": [
        {"field": "taken_at", "gte": "2023-05", "lt": "2023-07"},
        {"and": [{"field": "path", "prefix": "trip/"}, {"not": {"field": "rating", "lt": 3}}]},
    ],
}


def parsed(content: object) -> Filter:
    try:
        return parse(content)
    except FilterError as error:
        fault = PydanticCustomError(INVALID_FILTER, "{why}", {"why": error.reason})
        details = InitErrorDetails(type=fault, loc=error.location, input=None)
        # pydantic puts the field's own place before the location
        raise ValidationError.from_exception_data("filter", [details]) from error


FilterContent = Annotated[InstanceOf[Filter], BeforeValidator(parsed), WithJsonSchema(SCHEMA)]
