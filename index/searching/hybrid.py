"""Searching by words, and by words and vectors together; pages as `index.search` gives them.

search_words: the whole ranking of index/searching/words.py. search_hybrid: the first DEPTH by the
question's vectors and the first DEPTH by words, fused by index/searching/fusing.py; a hit's score
is the fused one, and the ranking ends with these. Both take a filter, and go on after a cursor of
their own.

Raise InputError for a limit or a least score, CursorError for a cursor, that `search` would refuse
too.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import dropwhile, islice, takewhile
from typing import Protocol

from index.filtering.filters import Filter
from index.search import MAX_LIMIT, Hit, Page, search
from index.searching.cursor import DIGEST_HEX, MAX_SCORE, Cursor, query_digest
from index.searching.fusing import fuse
from index.searching.searched import Seen
from index.searching.words import Ranked
from models.errors import CursorError, InputError
from models.query import Query, Question

DEPTH = 1_000
NO_VECTORS = Query(())  # of a page that was found by words alone


@dataclass(frozen=True)
class Extent:
    """How much of a ranking is wanted: `limit` hits after the cursor, of those that may be hits."""

    limit: int = 20
    cursor: str | None = None
    min_score: float | None = None
    without: frozenset[str] = frozenset()
    where: Filter | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InputError(f"limit is {self.limit}, expected 1 to {MAX_LIMIT}")
        if self.min_score is not None and not abs(self.min_score) <= MAX_SCORE:
            raise InputError(f"min_score is {self.min_score}, expected a number")


class Worded(Seen, Protocol):
    """A snapshot, as far as a search by words looks at it."""

    def worded(self, text: str) -> Iterator[Ranked]: ...


def search_words(snapshot: Worded, text: str, extent: Extent) -> Page:
    """The page's query has no probes."""
    digest = _digest("words", text, NO_VECTORS, extent)
    return _page(snapshot, _by_words(snapshot, text, extent), extent, digest)


def search_hybrid(snapshot: Worded, question: Question, text: str, extent: Extent) -> Page:
    """The page's query is the question as it was asked; the next page asks it again."""
    near = search(snapshot, question, limit=DEPTH, without=extent.without, where=extent.where)
    worded = islice(_by_words(snapshot, text, extent), DEPTH)
    fused = fuse([[hit.id for hit in near.hits], [hit.id for hit in worded]])
    ranking = (Hit(id_, score) for id_, score in fused)
    page = _page(snapshot, ranking, extent, _digest("hybrid", text, near.query, extent))
    return replace(page, query=near.query)


def _by_words(snapshot: Worded, text: str, extent: Extent) -> Iterator[Hit]:
    """All of them, best first; those that are not taken are not looked for."""
    gallery = snapshot.gallery
    selection = None if extent.where is None else snapshot.matching(extent.where)
    for tier in snapshot.worded(text):
        for first in range(0, len(tier.rows), DEPTH):
            rows = tier.rows[first : first + DEPTH]
            scores = tier.scores[first : first + DEPTH]
            if selection is not None:
                may = selection.among(rows)
                rows, scores = rows[may], scores[may]
            for id_, score in zip(gallery.ids(rows), scores.tolist(), strict=True):
                if id_ not in extent.without:
                    yield Hit(id_, score)


def _page(snapshot: Worded, ranking: Iterator[Hit], extent: Extent, digest: str) -> Page:
    after = None if extent.cursor is None else Cursor.parse(extent.cursor)
    if after is not None and after.digest != digest:
        raise CursorError("cursor: belongs to another query")
    floor = -math.inf if extent.min_score is None else extent.min_score
    wanted: Iterator[Hit] = takewhile(lambda hit: hit.score >= floor, ranking)
    if after is not None:
        last = (-after.score, after.id)
        wanted = dropwhile(lambda hit: (-hit.score, hit.id) <= last, wanted)
    hits = tuple(islice(wanted, extent.limit + 1))
    if len(hits) <= extent.limit:
        return Page(hits, None, NO_VECTORS)
    end = hits[extent.limit - 1]
    going_on = Cursor(digest, snapshot.generation, end.score, end.id)
    return Page(hits[: extent.limit], str(going_on), NO_VECTORS)


def _digest(mode: str, text: str, query: Query, extent: Extent) -> str:
    """The same for the pages of one search, another for another."""
    where = extent.where.digest if extent.where else None
    asked = [mode, text, query_digest(query, extent.min_score, extent.without, where)]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:DIGEST_HEX]
