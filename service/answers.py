"""From a request to its answer. The query path, apart from HTTP."""

from collections.abc import Sequence
from time import perf_counter

from index.items import Item
from models.composers.registry import Composers
from models.vectors import Vector, unit_vector
from service.asking import Asking, Posed
from service.embedding_schemas import (
    EmbeddingInput,
    EmbeddingsRequest,
    EmbeddingsResponse,
    data_of,
)
from service.encoding import Encoding
from service.errors import UnknownModelError
from service.library import Found, Library, Ranking
from service.pages import hand_on, resume
from service.schemas import SearchHit, SearchRequest, SearchResponse


class Answers:
    def __init__(self, encoding: Encoding, library: Library, composers: Composers) -> None:
        self._encoding = encoding
        self._library = library
        self._asking = Asking(encoding, library, composers)

    async def search(self, request: SearchRequest) -> SearchResponse:
        started = perf_counter()
        composer, spaces = self._asking.composer(request), self._encoding.spaces
        if request.cursor is None:
            posed, cursor = await self._asking.pose(request), None
        else:
            query, cursor = resume(request, composer, spaces)
            posed = Posed(query)
        found = await self._library.find(posed.question, ranking_of(request, cursor))
        query = found.page.query
        return SearchResponse(
            kind=request.kind,
            model=self._encoding.model,
            # equal spaces may bear several models' names; the answer has the served one's
            space=spaces[spaces.index(query.probes[0].space)].name,
            composer=composer,
            took_ms=round(1000 * (perf_counter() - started), 2),
            next_cursor=hand_on(request, composer, spaces, found.page),
            warnings=[*posed.warnings, *warnings_of(request)],
            hits=hits_of(found),
        )

    async def embeddings(self, request: EmbeddingsRequest) -> EmbeddingsResponse:
        """Of texts and of pictures in the space in which texts and pictures are compared."""
        model, space = self._encoding.model, self._encoding.spaces[0]
        if request.model not in (None, model):
            raise UnknownModelError(f"model {request.model!r}: this server serves {model}")
        vectors = [unit_vector(row) for row in await self._embed(request.input)]
        return EmbeddingsResponse(
            data=data_of(vectors, request.encoding_format), model=model, space=space.name
        )

    async def _embed(self, inputs: Sequence[EmbeddingInput]) -> list[Vector]:
        """Texts share forward passes, pictures share theirs; one row an input, in their order."""
        texts = await self._encoding.texts([each.text for each in inputs if each.text is not None])
        files = [each.image.base64 for each in inputs if each.image is not None]
        space, pictures = self._encoding.spaces[0], await self._encoding.pictures(files)
        next_text, next_picture = iter(texts), (picture[space] for picture in pictures)
        return [next(next_picture if each.image else next_text) for each in inputs]


def ranking_of(request: SearchRequest, cursor: str | None) -> Ranking:
    """A picture of the collection that the request names is not among its own hits."""
    named = [request.image, *(part.image for part in request.exclude or ())]
    return Ranking(
        limit=request.limit,
        cursor=cursor,
        min_score=request.min_score,
        without=frozenset(image.id for image in named if image and image.id),
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
