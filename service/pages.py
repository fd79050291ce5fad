"""What one page of hits hands on to the next: the place in the ranking, and the query itself.

A forward pass gives slightly other numbers in a batch of another size, so a query that is embedded
again is not quite the query of the page before. The cursor therefore carries the query's probes,
and the next page goes on under the very same vectors, on any replica, after any restart, without a
forward pass. It is bound to its request by a digest. Raises CursorError for a cursor that is
damaged or another request's.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import numpy as np

from index.search import Page
from models.composers.registry import FUSIONS
from models.errors import CursorError
from models.query import Fusion, Probe, Query
from models.space import Space
from service.schemas.pictures import ImageReference
from service.schemas.search import SearchRequest

MAX_PROBES = 64
UNIT_TOLERANCE = 1e-3
MAX_NUMBER = 1e6  # no query of ours has larger weights or parameters


def hand_on(
    request: SearchRequest, composer: str | None, spaces: Sequence[Space], page: Page
) -> str | None:
    """The `next_cursor` of a page; None where the index has none."""
    if page.next_cursor is None:
        return None
    query = page.query
    probes = [
        [spaces.index(p.space), float(p.weight), _text_of(p.vector.astype("<f4").tobytes())]
        for p in query.probes
    ]
    fusion = [query.fusion.name, *query.fusion.parameters] if query.fusion else None
    content = [digest_of(request, composer, spaces), probes, fusion, page.next_cursor]
    return _text_of(json.dumps(content).encode())


def resume(
    request: SearchRequest, composer: str | None, spaces: Sequence[Space]
) -> tuple[Query, str]:
    """The query of the page before as the request's cursor says it, and the index's own cursor."""
    try:
        digest, probes, fusion, cursor = json.loads(_bytes_of(request.cursor or ""))
        query = Query(tuple(_probe(spaces, *each) for each in probes[:MAX_PROBES]), _fusion(fusion))
    except (ValueError, TypeError, LookupError, RecursionError, binascii.Error) as error:
        raise CursorError("cursor: damaged") from error
    if not isinstance(cursor, str) or len(query.probes) < max(1, query.fused):
        raise CursorError("cursor: damaged")
    if digest != digest_of(request, composer, spaces):
        raise CursorError("cursor: belongs to another query")
    return query, cursor


def digest_of(request: SearchRequest, composer: str | None, spaces: Sequence[Space]) -> str:
    """The same for the pages of one request, whatever their limits."""
    exclude = [[part.text, _picture(part.image), part.weight] for part in request.exclude or ()]
    asked: dict[str, Any] = {
        "spaces": [[space.revision, space.dimension] for space in spaces],
        "text": request.text,
        "image": _picture(request.image),
        "crop": astuple(request.crop) if request.crop else None,
        "exclude": exclude,
        "min_score": request.min_score,
        "composer": [composer, request.composer.weight if request.composer else None],
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _picture(image: ImageReference | None) -> str | None:
    if image is None or image.id is not None:
        return image.id if image else None
    # by its handle, so that pages go on when the picture has gone
    named = f"handle {image.handle}" if image.handle else f"url {image.url}"
    return hashlib.sha256(image.base64 or named.encode()).hexdigest()


def _probe(spaces: Sequence[Space], position: int, weight: float, text: str) -> Probe:
    vector = np.frombuffer(_bytes_of(text), dtype="<f4").astype(np.float32)
    space = spaces[_whole(position)]
    # NaN fails the comparison too
    if len(vector) != space.dimension or not abs(np.linalg.norm(vector) - 1) < UNIT_TOLERANCE:
        raise ValueError("not a unit vector of this space")
    return Probe(space, vector, _number(weight))


def _fusion(stored: list[Any] | None) -> Fusion | None:
    if stored is None:
        return None
    name, *parameters = stored
    return FUSIONS[name](*map(_number, parameters))


def _whole(value: Any) -> int:  # noqa: ANN401
    if type(value) is not int or value < 0:
        raise ValueError("not a position")
    return value


def _number(value: Any) -> float:  # noqa: ANN401
    if not isinstance(value, float) or not abs(value) <= MAX_NUMBER:
        raise ValueError("not a number")
    return value


def _text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes_of(text: Any) -> bytes:  # noqa: ANN401
    if not isinstance(text, str):
        raise ValueError("not text")
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)
