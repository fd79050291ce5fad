"""What a report on a collection measures, each of a sample that is given: captions,
near-duplicates, speed, answers. Vectors are (n, dim) unit rows."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.collection.exact import TIE, ranks, similarities
from evaluation.collection.findings import (
    Answers,
    Captions,
    Duplicates,
    Latency,
    Missed,
    Pair,
    PoorCaption,
    Ranks,
)
from evaluation.collection.queries import Probes
from evaluation.metrics import map_at_k, recall_at_k
from index.gallery import Gallery, Rows
from index.items import Item
from index.search import search_many
from index.snapshot import Snapshot
from models.query import single
from models.space import Space
from models.vectors import Embeddings, Vector, unit

RECALL_AT = (1, 5, 10)
MAP_AT = 100
ALIKE = 50
NEAR_DUPLICATE = 0.97
WORST, PAIRS = 50, 50  # how many are listed
FIRST_PAGE = 10


def stored(gallery: Gallery, space: Space, ids: Sequence[str]) -> tuple[Rows, Embeddings]:
    """Of items that are there: rows (n,) and vectors."""
    rows = np.array([gallery.row(id_) for id_ in ids], dtype=np.int64)
    return rows, unit(gallery.units(rows, space).astype(np.float32))[0]


def judged_captions(
    snapshot: Snapshot, items: Sequence[Item], captions: Embeddings, too_long: int
) -> Captions:
    """Each caption as a query for its own picture, among all and among those most like it."""
    gallery = snapshot.gallery
    own, pictures = stored(gallery, snapshot.spaces[-1], [item.id for item in items])
    among_all = ranks(gallery, snapshot.spaces[0], captions, own)
    nearest = gallery.nearest(snapshot.spaces[-1], pictures, ALIKE + 1)
    among_alike = np.array(
        [
            _rank_among(snapshot, row, rows[rows != row][:ALIKE], caption)
            for row, (_, rows), caption in zip(own, nearest, captions, strict=True)
        ]
    )
    poor = [
        PoorCaption(item.id, item.path, str(item.caption), int(rank), int(alike))
        for item, rank, alike in zip(items, among_all, among_alike, strict=True)
        if alike > 1
    ]
    poor.sort(key=lambda each: (-each.rank_among_alike, -each.rank, each.id))
    return Captions(
        captions=len(items),
        too_long=too_long,
        among_all=_ranks(among_all),
        among_alike=_ranks(among_alike),
        alike=ALIKE,
        worst=tuple(poor[:WORST]),
    )


def _rank_among(snapshot: Snapshot, own: int, others: Rows, caption: Vector) -> int:
    """From 1; ties go against the picture."""
    units = snapshot.gallery.units(np.array([own, *others]), snapshot.spaces[0])
    scores = similarities(units, caption)
    return 1 + int(np.sum(scores[1:] > scores[0] - TIE))


def _ranks(found: NDArray[np.int64]) -> Ranks:
    recall = {f"R@{k}": float(np.mean(found <= k)) for k in RECALL_AT}
    return Ranks(recall, float(np.median(found)))


def near_duplicates(snapshot: Snapshot, ids: Sequence[str]) -> Duplicates:
    """Of these pictures, those to which any other of the collection is near."""
    gallery, space = snapshot.gallery, snapshot.spaces[-1]
    own, pictures = stored(gallery, space, ids)
    cosines: dict[tuple[str, str], float] = {}  # of a pair once, from whichever side
    count = 0
    nearest = gallery.nearest(space, pictures, 2)
    for id_, row, picture, (_, rows) in zip(ids, own, pictures, nearest, strict=True):
        other = gallery.ids(rows[rows != row][:1])
        _, vectors = stored(gallery, space, other)
        cosine = max((vectors @ picture).tolist(), default=-1.0)
        if cosine >= NEAR_DUPLICATE:
            count += 1
            first, second = sorted([id_, *other])
            cosines[first, second] = min(1.0, cosine)
    return Duplicates(len(ids), NEAR_DUPLICATE, count / len(ids), _pairs(snapshot, cosines))


def _pairs(snapshot: Snapshot, cosines: Mapping[tuple[str, str], float]) -> tuple[Pair, ...]:
    nearest = sorted(cosines, key=lambda pair: (-cosines[pair], pair))[:PAIRS]
    items = snapshot.items({id_ for pair in nearest for id_ in pair})
    return tuple(Pair(cosines[a, b], (a, b), (items[a].path, items[b].path)) for a, b in nearest)


def latency(queries: Sequence[Callable[[], object]]) -> Latency:
    """Of one after another; the first, which warms up, is asked once more."""
    queries[0]()
    milliseconds = []
    for ask in queries:
        started = time.perf_counter()
        ask()
        milliseconds.append(1000 * (time.perf_counter() - started))
    p50, p99 = np.percentile(milliseconds, (50, 99))
    return Latency(len(milliseconds), float(p50), float(p99))


def answers(snapshot: Snapshot, probes: Probes) -> Answers:
    """Rankings against what is expected; a picture that is asked with leaves the ranking, unless it
    is expected itself."""
    pages = search_many(
        snapshot,
        [single(probes.space, vector) for vector in probes.vectors],
        limit=MAP_AT,
        without=[
            frozenset({own}) - asked.relevant
            for asked, own in zip(probes.asked, probes.own, strict=True)
        ],
    )
    rankings = [[hit.id for hit in hits] for hits in pages]
    relevant = [asked.relevant for asked in probes.asked]
    metrics = {f"R@{k}": recall_at_k(rankings, relevant, k) for k in RECALL_AT}
    metrics[f"mAP@{MAP_AT}"] = map_at_k(rankings, relevant, MAP_AT)
    missed = []
    for asked, ranking in zip(probes.asked, rankings, strict=True):
        rank = next((at for at, id_ in enumerate(ranking, start=1) if id_ in asked.relevant), None)
        if rank is None or rank > FIRST_PAGE:
            missed.append(Missed(asked.line, asked.shown, rank))
    return Answers(len(rankings), metrics, tuple(missed))
