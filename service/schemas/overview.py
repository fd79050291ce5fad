"""What a box of the overview asks and answers, as JSON; it is asked in the address."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, WithJsonSchema
from pydantic_core import PydanticCustomError

from index.overview.asking import MAX_LIMIT, Box, Looking, Overview
from models.errors import InputError
from service.schemas.item_addresses import thumbnail_url
from service.schemas.listing import FilterText

MAX_BOX_CHARS = 200
UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The client's copy is still it."}
}


def _box(value: Any) -> Box:  # noqa: ANN401
    try:
        if len(value) > MAX_BOX_CHARS:
            raise InputError("box: expected x0,y0,x1,y1")
        left, top, right, bottom = map(float, value.split(","))
        return Box(left, top, right, bottom)
    except InputError as error:
        raise PydanticCustomError("invalid_box", "{why}", {"why": str(error)}) from error
    except ValueError as error:
        raise PydanticCustomError("invalid_box", "box: expected x0,y0,x1,y1") from error


BoxText = Annotated[
    InstanceOf[Box],
    BeforeValidator(_box),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": MAX_BOX_CHARS,
            "description": "x0,y0,x1,y1 of the part that is looked at, edges included; all of the "
            "plane, 0,0,1,1, unless given.",
            "examples": ["0.25,0.25,0.5,0.5"],
        }
    ),
]


class OverviewQuery(BaseModel):
    """Which part of the plane, of which items, and how many points at most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    box: BoxText | None = None
    limit: int = Field(
        default=500,
        ge=1,
        le=MAX_LIMIT,
        description="Points at most; where the box holds more items, the best spread of them.",
    )
    filter: FilterText | None = None

    def looking(self) -> Looking:
        return Looking(self.box or Box(), self.limit, self.filter)


class OverviewPoint(BaseModel):
    id: str
    x: float = Field(description="Of 0 to 1, from left to right.")
    y: float = Field(description="Of 0 to 1, from top to bottom.")
    count: int = Field(
        description="How many items of the box it stands for, itself and those nearest to it; of "
        "all points together that is `inside`."
    )
    thumbnail_url: str


class OverviewAnswer(BaseModel):
    """Of a box the best spread items; what is shown stays as one comes nearer."""

    generation: int
    method: Literal["pca", "umap"] = Field(
        description="What laid the plane out: principal components, or UMAP."
    )
    items: int = Field(description="On the whole plane, of those that satisfy the filter.")
    inside: int = Field(description="Of them in the box.")
    points: list[OverviewPoint]
    warnings: list[str]


def overview_answer(generation: int, found: Overview, warnings: list[str]) -> OverviewAnswer:
    return OverviewAnswer(
        generation=generation,
        method="umap" if found.method == "umap" else "pca",
        items=found.items,
        inside=found.inside,
        points=[
            OverviewPoint(
                id=point.id,
                x=point.x,
                y=point.y,
                count=point.count,
                thumbnail_url=thumbnail_url(point.id),
            )
            for point in found.points
        ],
        warnings=warnings,
    )
