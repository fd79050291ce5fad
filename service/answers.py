"""From a request to its answer: encode, compose, search. The query path, apart from HTTP."""

from collections.abc import Sequence
from time import perf_counter

from index.items import Item
from models.composers import Composer, Query, composer_named, single
from models.vectors import Vector, unit_vector
from service.embedding_schemas import (
    EmbeddingInput,
    EmbeddingsRequest,
    EmbeddingsResponse,
    data_of,
)
from service.encoding import Encoding
from service.errors import UnknownModelError
from service.library import Found, Library, Ranking
from service.pages import Continuation, hand_on, resume
from service.schemas import ImageReference, SearchHit, SearchRequest, SearchResponse


class Answers:
    def __init__(self, encoding: Encoding, library: Library) -> None:
        self._encoding = encoding
        self._library = library

    async def search(self, request: SearchRequest) -> SearchResponse:
        started = perf_counter()
        composer = composer_of(request)
        space = self._encoding.space
        if request.cursor is None:
            page = Continuation(await self._query(request, composer), cursor=None)
        else:
            page = resume(request, space)
        found = await self._library.find(page.query, ranking_of(request, page.cursor))
        return SearchResponse(
            kind=request.kind,
            model=space.model,
            space=space.name,
            composer=composer.name if request.kind == "composed" else None,
            took_ms=round(1000 * (perf_counter() - started), 2),
            next_cursor=hand_on(request, page.query, found.page.next_cursor),
            warnings=warnings_of(request),
            hits=hits_of(found),
        )

    async def embeddings(self, request: EmbeddingsRequest) -> EmbeddingsResponse:
        space = self._encoding.space
        if request.model not in (None, space.model):
            raise UnknownModelError(f"model {request.model!r}: this server serves {space.model}")
        vectors = [unit_vector(row) for row in await self._embed(request.input)]
        return EmbeddingsResponse(
            data=data_of(vectors, request.encoding_format), model=space.model, space=space.name
        )

    async def _query(self, request: SearchRequest, composer: Composer) -> Query:
        space = self._encoding.space
        if request.image is None:
            return single(space, (await self._encoding.texts(request.text or []))[0])
        image = await self._picture(request.image)
        if request.text is None:
            return single(space, image)
        return composer.compose(space, image, await self._encoding.texts(request.text))

    async def _picture(self, image: ImageReference) -> Vector:
        if image.id is not None:
            return await self._library.stored_embedding(image.id)
        return (await self._encoding.pictures([image.base64 or b""]))[0]

    async def _embed(self, inputs: Sequence[EmbeddingInput]) -> list[Vector]:
        """Texts share forward passes, pictures share theirs; one row an input, in their order."""
        texts = await self._encoding.texts([each.text for each in inputs if each.text is not None])
        files = [each.image.base64 for each in inputs if each.image is not None]
        pictures = await self._encoding.pictures(files)
        next_text, next_picture = iter(texts), iter(pictures)
        return [next(next_picture if each.image else next_text) for each in inputs]


def composer_of(request: SearchRequest) -> Composer:
    if request.composer is None:
        return composer_named("sum")
    return composer_named(request.composer.name, request.composer.weight)


def ranking_of(request: SearchRequest, cursor: str | None) -> Ranking:
    """A picture of the collection is not among its own hits."""
    asked_with = request.image.id if request.image else None
    return Ranking(
        limit=request.limit,
        cursor=cursor,
        min_score=request.min_score,
        without=frozenset({asked_with}) if asked_with else frozenset(),
    )


def warnings_of(request: SearchRequest) -> list[str]:
    if request.composer is not None and request.kind != "composed":
        return ["composer has no effect: it takes a text and an image"]
    return []


def hits_of(found: Found) -> list[SearchHit]:
    return [hit_of(found.items[hit.id], hit.score) for hit in found.page.hits]


def hit_of(item: Item, score: float) -> SearchHit:
    return SearchHit(
        id=item.id,
        score=score,
        path=item.path,
        paths=list(item.paths),
        caption=item.caption,
        width=item.width,
        height=item.height,
        metadata=dict(item.metadata),
        image_url=f"/v1/images/{item.id}/file",
        thumbnail_url=f"/v1/images/{item.id}/thumbnail",
    )
