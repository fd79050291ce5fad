"""What one page of hits hands on to the next: the place in the ranking, and the query itself.

A forward pass gives slightly other numbers in a batch of another size, so a query that is embedded
again is not quite the query of the page before. The cursor therefore carries the query's probes,
and the next page goes on under the very same vectors, on any replica, after any restart, without a
forward pass. It is bound to its request by a digest. Raises InputError for a cursor that is damaged
or another request's.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.composers import Probe, Query
from models.errors import InputError
from models.space import Space
from service.schemas import SearchRequest

MAX_PROBES = 64
UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Continuation:
    """A query as its first page asked it, and the index's cursor to go on from."""

    query: Query
    cursor: str | None  # none on the first page


def hand_on(request: SearchRequest, query: Query, cursor: str | None) -> str | None:
    """The `next_cursor` of a page; None where the index has none."""
    if cursor is None:
        return None
    space = query.probes[0].space
    probes = [[float(p.weight), _text_of(p.vector.astype("<f4").tobytes())] for p in query.probes]
    return _text_of(json.dumps([digest_of(request, space), probes, cursor]).encode())


def resume(request: SearchRequest, space: Space) -> Continuation:
    """What the request's cursor says."""
    try:
        digest, probes, cursor = json.loads(_bytes_of(request.cursor or ""))
        query = Query(tuple(_probe(space, *probe) for probe in probes[:MAX_PROBES]))
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise InputError("cursor: damaged") from error
    if not isinstance(cursor, str) or not query.probes:
        raise InputError("cursor: damaged")
    if digest != digest_of(request, space):
        raise InputError("cursor: belongs to another query")
    return Continuation(query, cursor)


def digest_of(request: SearchRequest, space: Space) -> str:
    """The same for the pages of one request, whatever their limits."""
    picture = request.image.base64 if request.image else None
    asked: dict[str, Any] = {
        "space": [space.revision, space.dimension],
        "text": request.text,
        "image": request.image.id if request.image else None,
        "picture": hashlib.sha256(picture).hexdigest() if picture is not None else None,
        "min_score": request.min_score,
        "composer": request.composer.model_dump() if request.composer else None,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _probe(space: Space, weight: float, text: str) -> Probe:
    vector = np.frombuffer(_bytes_of(text), dtype="<f4").astype(np.float32)
    # NaN fails the comparison too
    if len(vector) != space.dimension or not abs(np.linalg.norm(vector) - 1) < UNIT_TOLERANCE:
        raise ValueError("not a unit vector of this space")
    if not isinstance(weight, float) or not np.isfinite(weight):
        raise ValueError("not a weight")
    return Probe(space, vector, weight)


def _text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes_of(text: str) -> bytes:
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)
