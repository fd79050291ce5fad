"""The one place where a query meets a gallery.

search(snapshot, question) -> the nearest items, best first, ties by id, page by page. The indexes
propose each probe's nearest, and one fixed kernel scores them. Over exact indexes the ranking is
exact: a hit counts only while no row that was left out can score as high. Where the proposals do
not fill the page (deep pages, many equal vectors, probes of which none is near), every row that a
filter leaves is scored; where it leaves few, they are at once. A row's score never depends on which
other rows are there.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.faiss import Nearest
from index.filtering.filters import Filter
from index.gallery import CHUNK_ROWS, NO_ROWS, Rows
from index.searching.cursor import MAX_SCORE, Cursor, query_digest
from index.searching.searched import Narrowing, Searched, Seen, Selection
from index.searching.view import View
from index.segments import Units
from index.vectors.units import inner_products
from models.errors import CursorError, InputError
from models.query import Likeness, Query, Question
from models.space import Space
from models.vectors import Vector

MAX_LIMIT = 1_000
PROPOSED = 1_000
SLACK = 64  # the last few proposals may be no better than what was left out

Scores = NDArray[np.float32]
NO_SCORES: Scores = np.empty(0, np.float32)


@dataclass(frozen=True)
class Hit:
    id: str
    score: float


@dataclass(frozen=True)
class Page:
    hits: tuple[Hit, ...]
    next_cursor: str | None
    query: Query  # the question as it was asked of this gallery; the next page asks it again


@dataclass(frozen=True)
class Candidates:
    rows: Rows  # (m,)
    scores: Scores  # (m,)
    unseen: np.float32  # no other row scores above this

    def where(self, wanted: NDArray[np.bool_]) -> "Candidates":
        return Candidates(self.rows[wanted], self.scores[wanted], self.unseen)


@dataclass(frozen=True)
class Wanted:
    """Which rows may be hits, whatever their neighbours."""

    gallery: Searched
    floor: np.float32  # the lowest score
    left_out: Rows
    after: Cursor | None
    selection: Selection | None = None  # what the filter lets be hits

    def among(self, candidates: Candidates) -> Candidates:
        kept = candidates.where(candidates.scores >= self.floor)
        kept = kept.where(~np.isin(kept.rows, self.left_out))
        if self.selection is not None:
            kept = kept.where(self.selection.among(kept.rows))
        return kept if self.after is None else kept.where(self._comes_after(kept, self.after))

    def _comes_after(self, candidates: Candidates, after: Cursor) -> NDArray[np.bool_]:
        last = np.float32(after.score)
        later = candidates.scores < last
        (tied,) = np.nonzero(candidates.scores == last)
        later[tied] = [id_ > after.id for id_ in self.gallery.ids(candidates.rows[tied])]
        return later


def search(  # noqa: PLR0913
    snapshot: Seen,
    question: Question,
    *,
    limit: int = 20,
    cursor: str | None = None,
    min_score: float | None = None,
    without: frozenset[str] = frozenset(),
    where: Filter | None = None,
) -> Page:
    """Hits with score >= min_score, less `without`, that satisfy `where`, after the cursor.

    Raises InputError for a limit outside 1 to 1,000, a least score that is no number and a query
    without probes, CursorError for a cursor that is damaged or another query's, SpaceError for a
    probe of another space.
    """
    _check_limit(limit)
    gallery = snapshot.gallery
    left_out = _rows_of(gallery, without)
    query = _finished(question, gallery, left_out)
    digest = query_digest(query, min_score, without, where.digest if where else None)
    after = None if cursor is None else _cursor_of(cursor, digest)
    selection = None if where is None else snapshot.matching(where)
    wanted = Wanted(gallery, _floor(min_score), left_out, after, selection)
    (hits,) = _first_of_each([wanted], [query], limit + 1)
    if len(hits) <= limit:
        return Page(tuple(hits), None, query)
    last = hits[limit - 1]
    going_on = Cursor(digest, snapshot.generation, last.score, last.id)
    return Page(tuple(hits[:limit]), str(going_on), query)


def search_many(
    snapshot: Seen,
    questions: Sequence[Question],
    *,
    limit: int,
    without: Sequence[frozenset[str]],
) -> list[list[Hit]]:
    """The first page of each question, less its `without`: what `search` gives, for less.

    Raises as `search` does.
    """
    _check_limit(limit)
    gallery = snapshot.gallery
    left_out = [_rows_of(gallery, each) for each in without]
    queries = [
        _finished(question, gallery, rows)
        for question, rows in zip(questions, left_out, strict=True)
    ]
    wanted = [Wanted(gallery, _floor(None), rows, None) for rows in left_out]
    return _first_of_each(wanted, queries, limit)


def scores_of(snapshot: Seen, question: Question, rows: Rows, without: Rows = NO_ROWS) -> Scores:
    """(m,) rows of the snapshot's gallery -> (m,): what `search` would give each as its score.

    `without` are rows that a pending question does not take for its nearest. Raises as `search`.
    """
    gallery = snapshot.gallery
    return _scored(gallery, _finished(question, gallery, without), rows).scores


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InputError(f"limit is {limit}, expected 1 to {MAX_LIMIT}")


def _rows_of(gallery: Searched, ids: frozenset[str]) -> Rows:
    rows = (gallery.row(id_) for id_ in ids)
    return np.array([row for row in rows if row is not None], dtype=np.int64)


def _finished(question: Question, gallery: Searched, left_out: Rows) -> Query:
    query = question if isinstance(question, Query) else question.finish(View(gallery, left_out))
    if not query.probes:
        raise InputError("a query needs a probe")
    for probe in query.probes:
        gallery.position(probe.space)
    return query


def _floor(min_score: float | None) -> np.float32:
    if min_score is None:
        return np.float32(-np.inf)
    if not abs(min_score) <= MAX_SCORE:
        raise InputError(f"min_score is {min_score}, expected a number")
    return np.float32(min_score)


def _cursor_of(text: str, digest: str) -> Cursor:
    cursor = Cursor.parse(text)
    if cursor.digest != digest:
        raise CursorError("cursor: belongs to another query")
    return cursor


def _first_of_each(
    wanted: Sequence[Wanted], queries: Sequence[Query], count: int
) -> list[list[Hit]]:
    """The first `count` hits of each query, all of one gallery."""
    if not wanted:
        return []
    gallery = wanted[0].gallery
    proposed = _proposals(wanted, count)
    selection = wanted[0].selection  # only a single query has one
    if proposed >= gallery.count or (selection is not None and selection.is_few):
        return [_first(each, q, None, count) for each, q in zip(wanted, queries, strict=True)]
    among = None if selection is None else selection.narrowing
    nearest = _nearest(gallery, queries, proposed, among)
    return [
        _first(each, query, _proposed(gallery, query, [next(nearest) for _ in query.probes]), count)
        for each, query in zip(wanted, queries, strict=True)
    ]


def _proposals(wanted: Sequence[Wanted], count: int) -> int:
    """How many nearest to ask for: of an exact index as many as deep pages want, which cost it
    nothing, of another few more than the page needs."""
    first_page = all(each.after is None for each in wanted)
    needed = 2 * count if first_page and not wanted[0].gallery.exact else PROPOSED + SLACK
    return needed + max(len(each.left_out) for each in wanted)


def _nearest(
    gallery: Searched, queries: Sequence[Query], k: int, among: Narrowing | None
) -> Iterator[Nearest]:
    """Each probe's k nearest, query by query; those of one kind are looked up together."""
    vectors: defaultdict[tuple[Space, Likeness], list[Vector]] = defaultdict(list)
    for query in queries:
        for number, probe in enumerate(query.probes):
            vectors[probe.space, query.likeness].append(query.towards(number))
    found = {
        kind: iter(gallery.nearest(kind[0], np.stack(each), k, among=among, likeness=kind[1]))
        for kind, each in vectors.items()
    }
    return (next(found[p.space, query.likeness]) for query in queries for p in query.probes)


def _first(wanted: Wanted, query: Query, candidates: Candidates | None, count: int) -> list[Hit]:
    """The first `count` hits: from the index's proposals if they are surely these, or from all."""
    gallery = wanted.gallery
    if candidates is not None:
        sure = candidates.where(candidates.scores > candidates.unseen)
        hits = _best(gallery, wanted.among(sure), count)
        if len(hits) == count or candidates.unseen < wanted.floor:
            return hits
    if wanted.selection is not None:
        return _best(gallery, wanted.among(_scored(gallery, query, wanted.selection.rows)), count)
    return _best(gallery, wanted.among(_all(gallery, query)), count)


def _proposed(gallery: Searched, query: Query, nearest: Sequence[Nearest]) -> Candidates:
    """The union of each probe's nearest."""
    highest = [
        (float(scores[-1]) if len(scores) else -1.0) + _rounding(probe.space.dimension)
        for probe, (scores, _) in zip(query.probes, nearest, strict=True)
    ]
    union = np.unique(np.concatenate([rows for _, rows in nearest]))
    units = {space: gallery.units(union, space) for space in _spaces_of(query)}
    return Candidates(union, score(units, query), _above(query.at_most(highest)))


def _above(bound: float) -> np.float32:
    """The next float32 that is not below it."""
    rounded = np.float32(bound)
    return rounded if rounded >= bound else np.nextafter(rounded, np.float32(np.inf))


def _rounding(dimension: int) -> float:
    """How far a float32 inner product of two unit vectors, summed in any order, can be off."""
    return 1.01 * (dimension + 2) * 2.0**-24


def _scored(gallery: Searched, query: Query, rows: Rows) -> Candidates:
    living = gallery.living(rows)
    parts = [NO_SCORES]
    for first in range(0, len(living), CHUNK_ROWS):
        part = living[first : first + CHUNK_ROWS]
        units = {space: gallery.units(part, space) for space in _spaces_of(query)}
        parts.append(score(units, query))
    return Candidates(living, np.concatenate(parts), np.float32(-np.inf))


def _all(gallery: Searched, query: Query) -> Candidates:
    chunks = [(rows, score(units, query)) for rows, units in gallery.chunks(_spaces_of(query))]
    rows = np.concatenate([np.empty(0, np.int64), *(rows for rows, _ in chunks)])
    scores = np.concatenate([NO_SCORES, *(scores for _, scores in chunks)])
    return Candidates(rows, scores, np.float32(-np.inf))


def _spaces_of(query: Query) -> list[Space]:
    return list(dict.fromkeys(probe.space for probe in query.probes))


def score(units: Mapping[Space, Units], query: Query) -> Scores:
    """(m, dim) float16 a space -> (m,): similarities are summed in float64 row by row."""
    similarities = [inner_products(units[probe.space], probe.vector) for probe in query.probes]
    return query.scores(similarities).astype(np.float32)


def _best(gallery: Searched, candidates: Candidates, count: int) -> list[Hit]:
    """The first `count` in order of (-score, id)."""
    if len(candidates.rows) > count:
        last = np.partition(candidates.scores, -count)[-count]
        candidates = candidates.where(candidates.scores >= last)
    ids = gallery.id_keys(candidates.rows)
    order = np.lexsort((ids[:, 1], ids[:, 0], -candidates.scores))[:count]
    named = gallery.ids(candidates.rows[order])
    return [Hit(id_, float(s)) for id_, s in zip(named, candidates.scores[order], strict=True)]
