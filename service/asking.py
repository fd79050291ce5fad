"""From a request to the question that the index is asked: encode, compose, exclude.

A text is compared in the first of the model's spaces, a picture in the last; a picture and
instructions in the composer's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.composers.composer import Asked
from models.composers.registry import Composers
from models.crop import Crop
from models.encoders import PictureEmbeddings
from models.query import Excluded, Question, excluding, single
from service.library import Library
from service.model.encoding import Encoding
from service.pictures.named import Pictures
from service.schemas.pictures import ImageReference
from service.schemas.search import ComposerChoice, ExcludedPart, SearchRequest


@dataclass(frozen=True)
class Posed:
    """A question, and what the caller should know of how it was read."""

    question: Question
    warnings: tuple[str, ...] = ()


class Asking:
    def __init__(
        self, encoding: Encoding, library: Library, composers: Composers, pictures: Pictures
    ) -> None:
        self._encoding = encoding
        self._library = library
        self._composers = composers
        self._pictures = pictures

    def composer(self, request: SearchRequest) -> str | None:
        """The name of the one that composes this request; refuses one that the model has not."""
        if request.composer is None:
            return self._composers.default if request.kind == "composed" else None
        name = self._composers.named(request.composer.name, request.composer.weight).name
        return name if request.kind == "composed" else None

    async def pose(self, request: SearchRequest) -> Posed:
        wanted = await self._wanted(request)
        parts, warnings = await self._excluded(request.exclude or [])
        return Posed(excluding(wanted.question, parts), (*wanted.warnings, *warnings))

    async def _wanted(self, request: SearchRequest) -> Posed:
        spaces = self._encoding.spaces
        if request.image is None:
            (text,) = request.text or [""]
            (embedded,) = await self._encoding.texts([text])
            return Posed(single(spaces[0], embedded.vector), warning_of(text, embedded.cut))
        picture = await self._picture(request.image, request.crop)
        if request.text is None:
            return Posed(single(spaces[-1], picture[spaces[-1]], "image"))
        return await self._composed(request.composer, Asked(picture, tuple(request.text)))

    async def _composed(self, choice: ComposerChoice | None, asked: Asked) -> Posed:
        named = (choice.name, choice.weight) if choice else (None, None)
        composer = self._composers.named(*named)
        prompts = await self._encoding.prompts(composer, asked)
        question, cut = await self._encoding.compose(composer, asked, prompts)
        if not prompts:
            cut = await self._encoding.cut(asked.joined)
        return Posed(question, warning_of(asked.joined, cut))

    async def _excluded(self, parts: Sequence[ExcludedPart]) -> tuple[list[Excluded], list[str]]:
        """Their texts share a forward pass; and warnings of those that were cut."""
        spaces = self._encoding.spaces
        said = [(part.text, part.weight) for part in parts if part.text is not None]
        texts = await self._encoding.texts([text for text, _ in said])
        excluded = [
            Excluded(spaces[0], embedded.vector, weight)
            for (_, weight), embedded in zip(said, texts, strict=True)
        ]
        for part in parts:
            if part.image is not None:
                picture = await self._picture(part.image)
                excluded.append(Excluded(spaces[-1], picture[spaces[-1]], part.weight))
        cuts = zip(said, texts, strict=True)
        return excluded, [w for (text, _), read in cuts for w in warning_of(text, read.cut)]

    async def _picture(self, image: ImageReference, crop: Crop | None = None) -> PictureEmbeddings:
        if image.id is not None and crop is None:
            return await self._library.stored_embeddings(image.id)
        data = await self._pictures.data(image)
        return (await self._encoding.pictures([data], crop))[0]


def warning_of(said: str, cut: bool) -> tuple[str, ...]:
    """Where what the model was to read of it is longer than it can."""
    return (f"text is longer than the model reads, and was cut: {said[:40]!r}...",) if cut else ()
