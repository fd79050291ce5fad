"""What a listing and a count of values ask and answer, as JSON.

Both are asked in the address, where a filter is a JSON string; unknown parameters are refused.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, WithJsonSchema
from pydantic_core import PydanticCustomError

from index.filtering.facets import MAX_LIMIT as MAX_VALUES
from index.filtering.facets import Counting, Facets
from index.filtering.filters import Filter
from index.filtering.listing import MAX_LIMIT, Browsing
from index.items import Item
from service.schemas.filters import parsed
from service.schemas.item_addresses import image_url, thumbnail_url
from service.schemas.search import MAX_CURSOR_CHARS

MAX_FILTER_CHARS = 32_768  # about as much as servers take of an address
MAX_NAME_CHARS = 220
MAX_PREFIX_CHARS = 4_000
PERIODS = ("year", "month", "day")

Sorting = Literal[
    "taken_at", "-taken_at", "added_at", "-added_at", "path", "-path", "name", "-name"
]


def _from_text(value: Any) -> Filter:  # noqa: ANN401
    if len(value) > MAX_FILTER_CHARS:
        raise PydanticCustomError("string_too_long", f"over {MAX_FILTER_CHARS} characters")
    try:
        content = json.loads(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise PydanticCustomError("json_invalid", "not valid JSON") from error
    return parsed(content)


FilterText = Annotated[
    InstanceOf[Filter],
    BeforeValidator(_from_text),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": MAX_FILTER_CHARS,
            "description": "As in /v1/search, as a JSON string.",
            "examples": ['{"field": "path", "prefix": "trip/"}'],
        }
    ),
]


class ListingQuery(BaseModel):
    """Which items, in which order, from where on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=100, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(
        default=None, max_length=MAX_CURSOR_CHARS, description="`next_cursor` of the page before."
    )
    order: Sorting = Field(
        default="-taken_at",
        description="By date taken, date added, path (source by source) or file name; - is the "
        "last one first. Items without a date come last either way; ties by id.",
    )
    filter: FilterText | None = None

    def browsing(self, cursor: str | None) -> Browsing:
        return Browsing(
            order=self.order.removeprefix("-"),
            descending=self.order.startswith("-"),
            limit=self.limit,
            cursor=cursor,
            where=self.filter,
        )


class FacetsQuery(BaseModel):
    """Which field's values are counted, and under which filter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str = Field(
        min_length=1,
        max_length=MAX_NAME_CHARS,
        description="As in a filter.",
        examples=["camera", "taken_at", "path", "bytes"],
    )
    by: str | None = Field(
        default=None,
        max_length=40,
        description="Of a date: year (unless given), month or day. Of a number: the width of the "
        "ranges that are counted; single values unless given.",
        examples=["month", "1000000"],
    )
    prefix: str | None = Field(
        default=None,
        max_length=MAX_PREFIX_CHARS,
        description="Of path: the folder whose own folders are counted, with its last slash.",
        examples=["trip/"],
    )
    limit: int = Field(default=20, ge=1, le=MAX_VALUES)
    filter: FilterText | None = None

    def counting(self) -> Counting:
        """Raises InputError for what does not fit the field."""
        period, step = (self.by, None) if self.by in PERIODS else (None, _step(self.by))
        return Counting(self.field, period, step, self.prefix, self.limit, self.filter)


def _step(by: str | None) -> float | None:
    try:
        return None if by is None else float(by)
    except ValueError:
        return float("nan")  # which is no step of any field


class ListedItem(BaseModel):
    id: str
    path: str
    paths: list[str] = Field(description="Every place where this picture was found.")
    caption: str | None
    width: int
    height: int
    bytes: int
    format: str
    taken_at: str | None
    added_at: str | None
    metadata: dict[str, Any]
    image_url: str
    thumbnail_url: str


class ListingAnswer(BaseModel):
    items: list[ListedItem]
    total: int = Field(description="Items that satisfy the filter, on all pages.")
    next_cursor: str | None = Field(description="Asks for the next page; null on the last.")
    warnings: list[str]


class FacetValue(BaseModel):
    value: str | int | float = Field(
        description="A value; of a date its period, of a path the folder, of a range its start."
    )
    count: int
    filter: dict[str, Any] = Field(description="Finds these items, beside the one that was given.")


class FacetsAnswer(BaseModel):
    field: str
    values: list[FacetValue]
    other_values: int = Field(description="How many more there are, less frequent.")
    items: int = Field(description="Items that satisfy the filter, with a value or without.")
    warnings: list[str]


@dataclass(frozen=True)
class Page:
    """One page of a listing, as it is read in one snapshot."""

    items: Sequence[Item]
    added_at: dict[str, str]
    total: int
    next_cursor: str | None
    warnings: Sequence[str]


def listed_item(item: Item, added_at: str | None) -> ListedItem:
    return ListedItem(
        id=item.id,
        path=item.path,
        paths=list(item.paths),
        caption=item.caption,
        width=item.width,
        height=item.height,
        bytes=item.bytes,
        format=item.format,
        taken_at=item.taken_at,
        added_at=added_at,
        metadata=dict(item.metadata),
        image_url=image_url(item.id),
        thumbnail_url=thumbnail_url(item.id),
    )


def facets_answer(field: str, facets: Facets, warnings: Sequence[str]) -> FacetsAnswer:
    return FacetsAnswer(
        field=field,
        values=[
            FacetValue(value=each.value, count=each.count, filter=each.where)
            for each in facets.values
        ],
        other_values=facets.other_values,
        items=facets.items,
        warnings=list(warnings),
    )
