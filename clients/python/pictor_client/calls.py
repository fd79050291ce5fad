"""Pictor's operations as calls: what both clients ask with."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2

from pictor_client import models
from pictor_client.decoding import decoded
from pictor_client.sending import Call

T = TypeVar("T")
# an item's id, a file's bytes, a file, what `keep` gave
Picture = str | bytes | Path | models.HandleAnswer
Part = Mapping[str, Any]


@dataclass(frozen=True)
class NewImage:
    """A picture to add: its bytes or its file, and what is to be said of it."""

    content: bytes | Path
    name: str | None = None
    caption: str | None = None
    metadata: Mapping[str, Any] | None = None

    @property
    def data(self) -> bytes:
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content

    @property
    def said(self) -> dict[str, Any]:
        name = self.name or (self.content.name if isinstance(self.content, Path) else None)
        return given(name=name, caption=self.caption, metadata=self.metadata)


def search(
    text: str | Sequence[str] | None,
    image: Picture | None,
    **options: Any,  # noqa: ANN401
) -> Call[models.SearchResponse]:
    texts = [text] if isinstance(text, str) else text
    read = _model(models.SearchResponse)
    if image is None or isinstance(image, str | models.HandleAnswer):
        body = given(text=texts, image=_named(image), **options)
        return Call("POST", "/v1/search", read, json=body)
    plain = ("cursor", "mode")
    form = {
        name: value if name in plain else json.dumps(value)
        for name, value in given(**options).items()
    }
    files = [("image", ("image", _bytes(image), "application/octet-stream"))]
    return Call("POST", "/v1/search/upload", read, form={**form, **given(text=texts)}, files=files)


def _named(image: str | models.HandleAnswer | None) -> dict[str, str] | None:
    if isinstance(image, models.HandleAnswer):
        return {"handle": image.handle}
    return None if image is None else {"id": image}


def keep(image: bytes | Path) -> Call[models.HandleAnswer]:
    files = [("image", ("image", _bytes(image), "application/octet-stream"))]
    return Call("POST", "/v1/pictures", _model(models.HandleAnswer), files=files)


def kept_thumbnail(handle: str) -> Call[bytes]:
    return Call("GET", f"/v1/pictures/{quote(handle, safe='')}/thumbnail", _content)


def add(images: Sequence[NewImage], wait: bool | None) -> Call[models.AddAnswer | models.JobAnswer]:
    sent = [{**image.said, "base64": _base64(image.data)} for image in images]
    query = {} if wait is None else {"wait": json.dumps(wait)}
    return Call("POST", "/v1/images", _added, query=query, json={"images": sent})


def _added(response: httpx2.Response) -> models.AddAnswer | models.JobAnswer:
    if response.status_code == 202:
        return decoded(models.JobAnswer, response.json())
    return decoded(models.AddAnswer, response.json())


def delete(item_id: str) -> Call[None]:
    return Call("DELETE", f"/v1/images/{quote(item_id, safe='')}", _nothing)


def job(job_id: str, first: int, limit: int) -> Call[models.JobAnswer]:
    query = {"first": str(first), "limit": str(limit)}
    return Call("GET", f"/v1/jobs/{quote(job_id, safe='')}", _model(models.JobAnswer), query=query)


def item(item_id: str) -> Call[models.ItemAnswer]:
    return Call("GET", f"/v1/images/{quote(item_id, safe='')}", _model(models.ItemAnswer))


def file(item_id: str) -> Call[bytes]:
    return Call("GET", f"/v1/images/{quote(item_id, safe='')}/file", _content)


def thumbnail(item_id: str) -> Call[bytes]:
    return Call("GET", f"/v1/images/{quote(item_id, safe='')}/thumbnail", _content)


def heatmap(item_id: str, text: str) -> Call[bytes]:
    path = f"/v1/images/{quote(item_id, safe='')}/heatmap"
    return Call("GET", path, _content, query={"text": text})


def heat(item_id: str, text: str) -> Call[models.HeatmapAnswer]:
    path = f"/v1/images/{quote(item_id, safe='')}/heatmap"
    query = {"text": text, "format": "json"}
    return Call("GET", path, _model(models.HeatmapAnswer), query=query)


def listing(filter_: Part | None, **query: Any) -> Call[models.ListingAnswer]:  # noqa: ANN401
    return Call("GET", "/v1/images", _model(models.ListingAnswer), query=_query(filter_, query))


def facets(filter_: Part | None, **query: Any) -> Call[models.FacetsAnswer]:  # noqa: ANN401
    return Call("GET", "/v1/facets", _model(models.FacetsAnswer), query=_query(filter_, query))


def overview(filter_: Part | None, **query: Any) -> Call[models.OverviewAnswer]:  # noqa: ANN401
    return Call("GET", "/v1/overview", _model(models.OverviewAnswer), query=_query(filter_, query))


def embeddings(inputs: Sequence[str | bytes | Path]) -> Call[models.EmbeddingsResponse]:
    sent = [
        each if isinstance(each, str) else {"image": {"base64": _base64(_bytes(each))}}
        for each in inputs
    ]
    return Call("POST", "/v1/embeddings", _model(models.EmbeddingsResponse), json={"input": sent})


def collection() -> Call[models.CollectionAnswer]:
    return Call("GET", "/v1/collection", _model(models.CollectionAnswer))


def all_models() -> Call[models.ModelsAnswer]:
    return Call("GET", "/v1/models", _model(models.ModelsAnswer))


def model(name: str) -> Call[models.ModelAnswer]:
    return Call("GET", f"/v1/models/{quote(name, safe='')}", _model(models.ModelAnswer))


def health(path: str) -> Call[models.Health]:
    return Call("GET", path, _model(models.Health))


def begin_session(key: str) -> Call[models.SessionAnswer]:
    return Call("POST", "/v1/session", _model(models.SessionAnswer), json={"key": key})


def end_session() -> Call[None]:
    return Call("DELETE", "/v1/session", _nothing)


def given(**values: Any) -> dict[str, Any]:  # noqa: ANN401
    """Those that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _query(filter_: Part | None, query: Mapping[str, Any]) -> dict[str, str]:
    asked = {name: str(value) for name, value in given(**query).items()}
    return asked if filter_ is None else {**asked, "filter": json.dumps(filter_)}


def _model(model: type[T]) -> Any:  # noqa: ANN401
    return lambda response: decoded(model, response.json())


def _content(response: httpx2.Response) -> bytes:
    content: bytes = response.content
    return content


def _nothing(_: httpx2.Response) -> None:
    return None


def _bytes(image: str | bytes | Path) -> bytes:
    if isinstance(image, str):
        raise TypeError("a picture is expected: its bytes, or a Path")
    return image.read_bytes() if isinstance(image, Path) else image


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
