"""From a request to the question that the index is asked: encode, compose, exclude.

A text is compared in the first of the model's spaces, a picture in the last; a picture and
instructions in the composer's own.
"""

import asyncio

from models.composers.composer import Asked
from models.composers.registry import Composers
from models.encoders import PictureEmbeddings
from models.query import Excluded, Question, excluding, single
from service.encoding import Encoding
from service.library import Library
from service.schemas import ExcludedPart, ImageReference, SearchRequest


class Asking:
    def __init__(self, encoding: Encoding, library: Library, composers: Composers) -> None:
        self._encoding = encoding
        self._library = library
        self._composers = composers

    def composer(self, request: SearchRequest) -> str | None:
        """The name of the one that composes this request; refuses one that the model has not."""
        if request.composer is None:
            return self._composers.default if request.kind == "composed" else None
        name = self._composers.named(request.composer.name, request.composer.weight).name
        return name if request.kind == "composed" else None

    async def question(self, request: SearchRequest) -> Question:
        unwanted = asyncio.gather(*(self._excluded(part) for part in request.exclude or ()))
        question, parts = await asyncio.gather(self._wanted(request), unwanted)
        return excluding(question, parts)

    async def warnings(self, request: SearchRequest) -> list[str]:
        texts = [*(request.text or ()), *(part.text for part in request.exclude or () if part.text)]
        warnings = [
            f"text is longer than the model reads, and was cut: {text[:40]!r}..."
            for text, cut in zip(texts, await self._encoding.overlong(texts), strict=True)
            if cut
        ]
        if request.composer is not None and request.kind != "composed":
            warnings.append("composer has no effect: it takes a text and an image")
        return warnings

    async def _wanted(self, request: SearchRequest) -> Question:
        spaces = self._encoding.spaces
        if request.image is None:
            return single(spaces[0], (await self._encoding.texts(request.text or []))[0])
        picture = await self._picture(request.image)
        if request.text is None:
            return single(spaces[-1], picture[spaces[-1]])
        choice = request.composer
        composer = self._composers.named(
            choice.name if choice else None, choice.weight if choice else None
        )
        return await self._encoding.compose(composer, Asked(picture, tuple(request.text)))

    async def _excluded(self, part: ExcludedPart) -> Excluded:
        spaces = self._encoding.spaces
        if part.image is None:
            (text,) = await self._encoding.texts([part.text or ""])
            return Excluded(spaces[0], text, part.weight)
        picture = await self._picture(part.image)
        return Excluded(spaces[-1], picture[spaces[-1]], part.weight)

    async def _picture(self, image: ImageReference) -> PictureEmbeddings:
        if image.id is not None:
            return await self._library.stored_embeddings(image.id)
        return (await self._encoding.pictures([image.base64 or b""]))[0]
