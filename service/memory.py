"""Embeddings of the queries asked lately, by content.

A forward pass gives slightly other numbers in a batch of another size, and a cursor belongs to one
query vector: the pages of one query must be asked with one and the same. What is kept first stays.
Used from the event loop's thread only.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from models.vectors import Vector
from service.encoding import Encoding


class Memory:
    def __init__(self, encoding: Encoding, capacity: int) -> None:
        self._encoding = encoding
        self._capacity = capacity
        self._kept: OrderedDict[str | bytes, Vector] = OrderedDict()

    async def texts(self, texts: Sequence[str]) -> list[Vector]:
        """n texts -> n raw embeddings (dim,)."""
        known = {text: vector for text in texts if (vector := self._recall(text)) is not None}
        unknown = [text for text in dict.fromkeys(texts) if text not in known]
        for text, vector in zip(unknown, await self._encoding.texts(unknown), strict=True):
            known[text] = self._keep(text, vector)
        return [known[text] for text in texts]

    async def picture(self, file: bytes) -> Vector:
        """A picture file's bytes -> its raw embedding (dim,)."""
        content = hashlib.sha256(file).digest()
        known = self._recall(content)
        if known is not None:
            return known
        return self._keep(content, (await self._encoding.pictures([file]))[0])

    def _recall(self, content: str | bytes) -> Vector | None:
        if content in self._kept:
            self._kept.move_to_end(content)
        return self._kept.get(content)

    def _keep(self, content: str | bytes, vector: Vector) -> Vector:
        kept = self._kept.setdefault(content, vector)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return kept
