"""What a server answers. Generated from its OpenAPI document by clients/generate.py."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as made
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class AddAnswer:
    added: int
    known: int
    failed: int
    images: list[AddedImage]


@dataclass(frozen=True, kw_only=True)
class AddedImage:
    index: int
    status: Literal["added", "known", "failed"]
    name: str | None
    id: str | None = None
    path: str | None = None
    image_url: str | None = None
    thumbnail_url: str | None = None
    error: ItemProblem | None = None


@dataclass(frozen=True, kw_only=True)
class CollectionAnswer:
    items: int
    occurrences: int
    failures: int
    generation: int
    model: str
    space: str
    revision: str
    dimension: int
    spaces: list[str]
    indexes: list[IndexAnswer]
    sources: list[str]
    created_at: str
    updated_at: str
    vector_bytes: int
    delta: int
    deleted: int


@dataclass(frozen=True, kw_only=True)
class Embedding:
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


@dataclass(frozen=True, kw_only=True)
class EmbeddingsResponse:
    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    space: str
    usage: Usage = made(default_factory=lambda: Usage())  # noqa: PLW0108


@dataclass(frozen=True, kw_only=True)
class FacetValue:
    value: str | int | float
    count: int
    filter: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class FacetsAnswer:
    field: str
    values: list[FacetValue]
    other_values: int
    items: int
    warnings: list[str]


@dataclass(frozen=True, kw_only=True)
class FieldProblem:
    field: str
    code: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class HandleAnswer:
    handle: str
    expires_at: str
    width: int
    height: int
    thumbnail_url: str


@dataclass(frozen=True, kw_only=True)
class Health:
    status: Literal["alive", "ready"]
    checks: dict[str, str] = made(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class HeatmapAnswer:
    """Where in a picture words are seen: compared within it, and with no other picture."""

    id: str
    model: str
    rows: int
    columns: int
    grid: list[list[float]]
    peak: Peak
    warnings: list[str]


@dataclass(frozen=True, kw_only=True)
class IndexAnswer:
    """How the vectors of a space are searched, and what was measured of it when it was built."""

    space: str
    kind: str
    rows: int
    recall_image: float
    recall_text: float


@dataclass(frozen=True, kw_only=True)
class ItemAnswer:
    """One picture by content, with every place where it was found."""

    id: str
    bytes: int
    width: int
    height: int
    format: str
    taken_at: str | None
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


@dataclass(frozen=True, kw_only=True)
class ItemProblem:
    """Why one picture could not be added."""

    status: int
    code: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class JobAnswer:
    """Pictures that are added behind the request that sent them."""

    id: str
    status: Literal["queued", "running", "done"]
    url: str
    created_at: str
    finished_at: str | None
    total: int
    added: int
    known: int
    failed: int
    images: list[AddedImage]


@dataclass(frozen=True, kw_only=True)
class ListedItem:
    id: str
    path: str
    paths: list[str]
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


@dataclass(frozen=True, kw_only=True)
class ListingAnswer:
    items: list[ListedItem]
    total: int
    next_cursor: str | None
    warnings: list[str]


@dataclass(frozen=True, kw_only=True)
class ModelAnswer:
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["pictor"] = "pictor"
    space: str
    revision: str
    dimension: int
    spaces: list[str]
    device: str
    composers: list[str]
    default_composer: str
    templates: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ModelsAnswer:
    object: Literal["list"] = "list"
    data: list[ModelAnswer]


@dataclass(frozen=True, kw_only=True)
class OccurrenceAnswer:
    """Where a picture was found."""

    source: str
    path: str
    caption: str | None
    metadata: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class OverviewAnswer:
    """Of a box the best spread items; what is shown stays as one comes nearer."""

    generation: int
    method: Literal["pca", "umap"]
    items: int
    inside: int
    points: list[OverviewPoint]
    warnings: list[str]


@dataclass(frozen=True, kw_only=True)
class OverviewPoint:
    id: str
    x: float
    y: float
    count: int
    thumbnail_url: str


@dataclass(frozen=True, kw_only=True)
class Peak:
    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class Problem:
    """RFC 9457, with a stable `code`; `errors` where fields of the request are wrong."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None = None
    message: str | None = None
    errors: list[FieldProblem] | None = None


@dataclass(frozen=True, kw_only=True)
class SearchHit:
    id: str
    score: float
    path: str
    paths: list[str]
    caption: str | None
    width: int
    height: int
    metadata: dict[str, Any]
    image_url: str
    thumbnail_url: str


@dataclass(frozen=True, kw_only=True)
class SearchResponse:
    kind: Literal["text", "image", "composed"]
    model: str
    space: str | None
    composer: str | None
    took_ms: float
    next_cursor: str | None
    warnings: list[str]
    hits: list[SearchHit]


@dataclass(frozen=True, kw_only=True)
class SessionAnswer:
    name: str
    scopes: list[Literal["read", "write"]]
    expires_at: str


@dataclass(frozen=True, kw_only=True)
class Usage:
    prompt_tokens: int = 0
    total_tokens: int = 0
