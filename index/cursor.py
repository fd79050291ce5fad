"""Where a page of hits ended, as text that a client hands back.

base64url of JSON: the query's digest, the generation that the page was read from, and the last
hit's score and id. The next page goes on after that (score, id), so that no hit comes twice.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import astuple, dataclass

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
        data = json.dumps(astuple(self), separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises CursorError for anything that `str` did not make."""
        try:
            if len(text) > MAX_CHARACTERS:
                raise ValueError("too long")
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            cursor = cls(*values)
        except (ValueError, TypeError, RecursionError, binascii.Error) as error:
            raise CursorError("cursor: damaged") from error
        sound = [type(value) for value in values] == [str, int, float, str]
        if not sound or not abs(cursor.score) <= MAX_SCORE:
            raise CursorError("cursor: damaged")
        return cursor


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
