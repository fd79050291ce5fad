"""What a heat map asks and answers; it is asked in the address."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.search import Text

HEATMAP: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The map; a PNG unless `format` is json.",
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "The client's copy is still it."},
}


class HeatmapQuery(BaseModel):
    """Which words, and how they are answered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Text = Field(examples=["a red balloon"])
    format: Literal["png", "json"] = Field(
        default="png",
        description="png: one colour with the heat as its alpha, of the picture's aspect, to be "
        "stretched over it. json: the numbers.",
    )


class Peak(BaseModel):
    x: float = Field(description="Of 0 to 1, from left to right of the upright picture.")
    y: float = Field(description="Of 0 to 1, from top to bottom.")


class HeatmapAnswer(BaseModel):
    """Where in a picture words are seen: compared within it, and with no other picture."""

    id: str
    model: str
    rows: int
    columns: int
    grid: list[list[float]] = Field(
        description="From top to bottom, from left to right: 0 where this picture matches the "
        "words least, 1 where most. Cells cover the whole picture evenly."
    )
    peak: Peak = Field(description="Where the smoothed map, which the PNG shows, is highest.")
    warnings: list[str]
