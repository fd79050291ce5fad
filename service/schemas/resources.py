"""What is answered besides hits, as JSON: items, the collection, models, health, problems."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from index.collection import CollectionStatistics
from index.items import Item
from models.composers.registry import Composers
from models.composers.templates import TEMPLATES
from models.space import Space
from service.schemas.item_addresses import image_url, thumbnail_url


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


class IndexAnswer(BaseModel):
    """How the vectors of a space are searched, and what was measured of it when it was built."""

    space: str
    kind: str = Field(description="FAISS's words for it.")
    rows: int = Field(description="That it covers; what came later is searched exactly beside it.")
    recall_image: float = Field(
        description="Of queries like pictures: the share of the 10 nearest that is found; 1: exact."
    )
    recall_text: float = Field(description="Of queries like texts.")


class CollectionAnswer(BaseModel):
    items: int
    occurrences: int
    failures: int = Field(description="Files that could not be read, at the last run over them.")
    generation: int = Field(description="Counts what was published; changes switch it at once.")
    model: str
    space: str = Field(description="In which texts are compared with pictures.")
    revision: str = Field(description="Of the model: a hash of its weights and preprocessing.")
    dimension: int
    spaces: list[str] = Field(
        description="All that the collection holds; pictures are compared in the last."
    )
    indexes: list[IndexAnswer] = Field(description="One a space, in their order.")
    sources: list[str]
    created_at: datetime | str
    updated_at: datetime | str = Field(description="When the last change was published.")
    vector_bytes: int
    delta: int = Field(description="Pictures added since the last job, searched one by one.")
    deleted: int = Field(description="Ids that stay away until their bytes are added again.")


class ModelAnswer(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="When the collection was built with it, in Unix seconds.")
    owned_by: Literal["pictor"] = "pictor"
    space: str
    revision: str = Field(description="A hash of its weights and preprocessing.")
    dimension: int
    spaces: list[str]
    device: str
    composers: list[str] = Field(description="Best first.")
    default_composer: str
    templates: dict[str, str] = Field(
        description="Wordings of instructions, as published evaluations have them, to fill in."
    )


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
    request_id: str | None = Field(default=None, description="Finds the request in the log.")
    message: str | None = Field(
        default=None, description="`detail` again, on the routes that have OpenAI's shape."
    )
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
        image_url=image_url(item.id),
        thumbnail_url=thumbnail_url(item.id),
    )


def collection_answer(statistics: CollectionStatistics) -> CollectionAnswer:
    """Sources by name only: where they lie on the server is nobody else's business."""
    return CollectionAnswer(
        items=statistics.items,
        occurrences=statistics.occurrences,
        failures=statistics.failures,
        generation=statistics.generation,
        model=statistics.spaces[-1].model,
        space=statistics.spaces[0].name,
        revision=statistics.spaces[0].revision,
        dimension=statistics.spaces[0].dimension,
        spaces=[space.name for space in statistics.spaces],
        indexes=[
            IndexAnswer(
                space=index.space,
                kind=index.factory,
                rows=index.rows,
                recall_image=index.recall_image,
                recall_text=index.recall_text,
            )
            for index in statistics.indexes
        ],
        sources=[root.name for root in statistics.sources],
        created_at=statistics.created_at,
        updated_at=statistics.updated_at,
        vector_bytes=statistics.vector_bytes,
        delta=statistics.delta,
        deleted=statistics.deleted,
    )


def model_answer(
    spaces: Sequence[Space], device: str, composers: Composers, built_at: str
) -> ModelAnswer:
    return ModelAnswer(
        id=spaces[-1].model,
        created=int(datetime.fromisoformat(built_at).timestamp()),
        space=spaces[0].name,
        revision=spaces[0].revision,
        dimension=spaces[0].dimension,
        spaces=[space.name for space in spaces],
        device=device,
        composers=composers.names,
        default_composer=composers.default,
        templates=TEMPLATES,
    )
