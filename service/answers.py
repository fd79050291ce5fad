"""From a request to its answer. The query path, apart from HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from index.items import Item
from index.searching.hybrid import Extent
from index.searching.words import MAX_WORDS, words_of
from models.composers.registry import Composers
from models.vectors import Vector, unit_vector
from service.access.seals import Purpose, Seals
from service.asking import Asking, Posed
from service.errors import UnknownModelError
from service.library import Found, Library
from service.model.encoding import Encoding
from service.pages import hand_on, resume
from service.pictures.named import Pictures
from service.schemas.embeddings import (
    EmbeddingInput,
    EmbeddingsRequest,
    EmbeddingsResponse,
    data_of,
)
from service.schemas.item_addresses import image_url, thumbnail_url
from service.schemas.search import SearchHit, SearchRequest, SearchResponse


@dataclass(frozen=True)
class Answered:
    found: Found
    next_cursor: str | None
    space: str | None
    warnings: tuple[str, ...] = ()


class Answers:
    def __init__(
        self,
        encoding: Encoding,
        library: Library,
        composers: Composers,
        seals: Seals,
        pictures: Pictures,
    ) -> None:
        self._encoding = encoding
        self._library = library
        self._seals = seals
        self._pictures = pictures
        self._asking = Asking(encoding, library, composers, pictures)

    async def search(self, request: SearchRequest) -> SearchResponse:
        started = perf_counter()
        composer = self._asking.composer(request)
        purpose: Purpose = "words" if request.mode == "words" else "vectors"
        if request.cursor is not None:
            cursor = self._seals.opened(purpose, request.cursor)
            request = request.model_copy(update={"cursor": cursor})
        if request.mode == "words":
            answered = await self._by_words(request)
        else:
            answered = await self._by_vectors(request, composer)
        return SearchResponse(
            kind=request.kind,
            model=self._encoding.model,
            space=answered.space,
            composer=composer,
            took_ms=round(1000 * (perf_counter() - started), 2),
            next_cursor=self._seals.sealed(purpose, answered.next_cursor),
            warnings=[*answered.warnings, *answered.found.warnings, *warnings_of(request)],
            hits=hits_of(answered.found),
        )

    async def _by_words(self, request: SearchRequest) -> Answered:
        """The index's own cursor goes on alone: there is no query to hand on."""
        (text,) = request.text or [""]
        found = await self._library.find_words(text, extent_of(request, request.cursor))
        return Answered(found, found.page.next_cursor, space=None)

    async def _by_vectors(self, request: SearchRequest, composer: str | None) -> Answered:
        spaces = self._encoding.spaces
        if request.cursor is None:
            posed, cursor = await self._asking.pose(request), None
        else:
            query, cursor = resume(request, composer, spaces)
            posed = Posed(query)
        extent = extent_of(request, cursor)
        if request.mode == "hybrid":
            text = " ".join(request.text or ())
            found = await self._library.find_hybrid(posed.question, text, extent)
        else:
            found = await self._library.find(posed.question, extent)
        first = found.page.query.probes[0].space
        return Answered(
            found,
            hand_on(request, composer, spaces, found.page),
            # equal spaces may bear several models' names; the answer has the served one's
            space=spaces[spaces.index(first)].name,
            warnings=posed.warnings,
        )

    async def embeddings(self, request: EmbeddingsRequest) -> EmbeddingsResponse:
        """Of texts and of pictures in the space in which texts and pictures are compared."""
        model, space = self._encoding.model, self._encoding.spaces[0]
        if request.model not in (None, model):
            raise UnknownModelError(f"model {request.model!r}: this server serves {model}")
        request.check_dimensions(space.dimension)
        vectors = [unit_vector(row) for row in await self._embed(request.input)]
        return EmbeddingsResponse(
            data=data_of(vectors, request.encoding_format), model=model, space=space.name
        )

    async def _embed(self, inputs: Sequence[EmbeddingInput]) -> list[Vector]:
        """Texts share forward passes, pictures share theirs; one row an input, in their order."""
        texts = await self._encoding.texts([each.text for each in inputs if each.text is not None])
        sent = [each.image.reference for each in inputs if each.image is not None]
        files = [await self._pictures.data(image) for image in sent]
        space, pictures = self._encoding.spaces[0], await self._encoding.pictures(files)
        next_text = (embedded.vector for embedded in texts)
        next_picture = (picture[space] for picture in pictures)
        return [next(next_picture if each.image else next_text) for each in inputs]


def extent_of(request: SearchRequest, cursor: str | None) -> Extent:
    """A picture of the collection that the request names is not among its own hits."""
    named = [request.image, *(part.image for part in request.exclude or ())]
    return Extent(
        limit=request.limit,
        cursor=cursor,
        min_score=request.min_score,
        without=frozenset(image.id for image in named if image and image.id),
        where=request.filter,
    )


def warnings_of(request: SearchRequest) -> list[str]:
    warnings = []
    if request.composer is not None and request.kind != "composed":
        warnings.append("composer has no effect: it takes a text and an image")
    if request.mode != "vector" and len(words_of(" ".join(request.text or ()))) > MAX_WORDS:
        warnings.append(f"text has more words than are searched for: the first {MAX_WORDS}")
    return warnings


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
        image_url=image_url(item.id),
        thumbnail_url=thumbnail_url(item.id),
    )
