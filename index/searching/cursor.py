"""Where a page of hits ended, as text that a client hands back.

base64url of JSON: the query's digest, the generation that the page was read from, and the last
hit's score and id. The next page goes on after that (score, id), so that no hit comes twice.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from models.errors import CursorError
from models.query import Query

MAX_CHARACTERS = 1_000
MAX_SCORE = 3e38  # float32 ends a little above
DIGEST_HEX = 16


@dataclass(frozen=True)
class Cursor:
    digest: str
    generation: int
    score: float
    id: str

    def __str__(self) -> str:
        return text_of(astuple(self))

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises CursorError for anything that `str` did not make."""
        values = values_of(text)
        sound = [type(value) for value in values] == [str, int, float, str]
        if not sound or not abs(values[2]) <= MAX_SCORE:
            raise CursorError("cursor: damaged")
        return cls(*values)


def text_of(values: Sequence[object]) -> str:
    """base64url of JSON."""
    data = json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def values_of(text: str, most: int = MAX_CHARACTERS) -> list[Any]:
    """What `text_of` was given, whatever it holds; raises CursorError for what is no such text, or
    has more characters."""
    try:
        if len(text) > most:
            raise ValueError("too long")
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError, binascii.Error) as error:
        raise CursorError("cursor: damaged") from error
    if not isinstance(values, list):
        raise CursorError("cursor: damaged")
    return values


def query_digest(
    query: Query, min_score: float | None, without: frozenset[str], where: str | None = None
) -> str:
    """The same for two pages of one query, different for two queries; `where` is a filter's."""
    fusion = [query.fusion.name, *query.fusion.parameters] if query.fusion else None
    restriction = [min_score, sorted(without), fusion, *([where] if where else [])]
    digest = hashlib.sha256(json.dumps(restriction).encode())
    for probe in query.probes:
        space = [probe.space.revision, probe.space.dimension, float(probe.weight)]
        digest.update(json.dumps(space).encode())
        digest.update(probe.vector.astype("<f4").tobytes())
    return digest.hexdigest()[:DIGEST_HEX]
