"""What is answered besides hits, as JSON: items, the collection, models, health, problems."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from index.collection import CollectionStatistics
from index.items import Item
from models.composers import COMPOSERS
from models.space import Space


class OccurrenceAnswer(BaseModel):
    """Where a picture was found."""

    source: str
    path: str
    caption: str | None
    metadata: dict[str, Any]


class ItemAnswer(BaseModel):
    """One picture by content, with every place where it was found."""

    id: str
    bytes: int
    width: int
    height: int
    format: str
    taken_at: datetime | str | None
    latitude: float | None
    longitude: float | None
    camera: str | None
    path: str
    paths: list[str]
    caption: str | None
    metadata: dict[str, Any]
    occurrences: list[OccurrenceAnswer]
    image_url: str
    thumbnail_url: str


class CollectionAnswer(BaseModel):
    items: int
    occurrences: int
    failures: int
    generation: int
    model: str
    space: str
    dimension: int
    sources: list[str]
    created_at: datetime | str
    updated_at: datetime | str
    vector_bytes: int


class ModelAnswer(BaseModel):
    id: str
    object: Literal["model"] = "model"
    space: str
    dimension: int
    device: str
    composers: list[str]


class ModelsAnswer(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelAnswer]


class Health(BaseModel):
    status: Literal["alive", "ready"]
    checks: dict[str, str] = {}


class FieldProblem(BaseModel):
    field: str
    code: str
    detail: str


class Problem(BaseModel):
    """RFC 9457, with a stable `code`; `errors` where fields of the request are wrong."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] | None = None


def item_answer(item: Item) -> ItemAnswer:
    return ItemAnswer(
        id=item.id,
        bytes=item.bytes,
        width=item.width,
        height=item.height,
        format=item.format,
        taken_at=item.taken_at,
        latitude=item.latitude,
        longitude=item.longitude,
        camera=item.camera,
        path=item.path,
        paths=list(item.paths),
        caption=item.caption,
        metadata=item.metadata,
        occurrences=[OccurrenceAnswer(**asdict(each)) for each in item.occurrences],
        image_url=f"/v1/images/{item.id}/file",
        thumbnail_url=f"/v1/images/{item.id}/thumbnail",
    )


def collection_answer(statistics: CollectionStatistics) -> CollectionAnswer:
    """Sources by name only: where they lie on the server is nobody else's business."""
    return CollectionAnswer(
        items=statistics.items,
        occurrences=statistics.occurrences,
        failures=statistics.failures,
        generation=statistics.generation,
        model=statistics.space.model,
        space=statistics.space.name,
        dimension=statistics.space.dimension,
        sources=[root.name for root in statistics.sources],
        created_at=statistics.created_at,
        updated_at=statistics.updated_at,
        vector_bytes=statistics.vector_bytes,
    )


def models_answer(space: Space, device: str) -> ModelsAnswer:
    model = ModelAnswer(
        id=space.model,
        space=space.name,
        dimension=space.dimension,
        device=device,
        composers=list(COMPOSERS),
    )
    return ModelsAnswer(data=[model])
