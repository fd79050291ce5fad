"""The embeddings that were asked for lately, by what they are of.

Keys are of content: `content_key` of the kind, the space, and everything else that decides the
vector. What was asked for least recently leaves when all together are over the budget, in bytes.
For one thread.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from models.vectors import Vector
from service.telemetry.measures import Measures, Unmeasured

ENTRY_BYTES = 400  # of a key and what holds it, beside the vector


@dataclass(frozen=True)
class Embedded:
    """A raw embedding, and whether the text that it is of was cut at its end."""

    vector: Vector  # (sum of the spaces' dimensions,)
    cut: bool = False


def content_key(kind: str, *parts: bytes) -> bytes:
    digest = hashlib.sha256(kind.encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


class EmbeddingCache:
    def __init__(self, budget_bytes: int, measures: Measures | None = None) -> None:
        self._budget_bytes = budget_bytes
        self._measures = measures or Unmeasured()
        self._held: OrderedDict[bytes, Embedded] = OrderedDict()
        self._bytes = 0

    @property
    def held_bytes(self) -> int:
        return self._bytes

    def get(self, kind: str, key: bytes) -> Embedded | None:
        found = self._held.get(key)
        if found is None:
            self._measures.cache_miss(kind)
            return None
        self._held.move_to_end(key)
        self._measures.cache_hit(kind)
        return found

    def keep(self, key: bytes, embedded: Embedded) -> None:
        self._drop(key)
        self._held[key] = embedded
        self._bytes += _bytes_of(embedded)
        while self._bytes > self._budget_bytes:
            self._drop(next(iter(self._held)))

    def _drop(self, key: bytes) -> None:
        dropped = self._held.pop(key, None)
        if dropped is not None:
            self._bytes -= _bytes_of(dropped)


def _bytes_of(embedded: Embedded) -> int:
    return embedded.vector.nbytes + ENTRY_BYTES


def names_of(spaces: Iterable[object]) -> bytes:
    return "\n".join(map(str, spaces)).encode()
