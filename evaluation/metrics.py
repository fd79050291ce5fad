"""Retrieval metrics over ids alone.

A ranking is ids, best first, without repetition; the relevant ids of its query are a set. Each
function gives the mean over queries, between 0 and 1. Raises InputError for a query without a
relevant id, or a ranking that names an id twice.

recall_at_k: the share of queries with a relevant id among the first k, as image-text retrieval
reports it. map_at_k: mean of AP@k = sum of the precision at each hit / min(number of relevant ids,
k), as CIRCO defines it (Baldrati et al., ICCV 2023).
"""

from collections.abc import Collection, Sequence

from models.errors import InputError

Ranking = Sequence[str]
Relevant = Collection[str]


def recall_at_k(rankings: Sequence[Ranking], relevant: Sequence[Relevant], k: int) -> float:
    _check(rankings, relevant)
    found = [
        any(i in wanted for i in ranking[:k]) for ranking, wanted in _pairs(rankings, relevant)
    ]
    return sum(found) / len(found)


def map_at_k(rankings: Sequence[Ranking], relevant: Sequence[Relevant], k: int) -> float:
    _check(rankings, relevant)
    precisions = [
        average_precision(ranking[:k], wanted, k) for ranking, wanted in _pairs(rankings, relevant)
    ]
    return sum(precisions) / len(precisions)


def average_precision(ranking: Ranking, wanted: Relevant, k: int) -> float:
    """AP@k of one ranking."""
    hits, total = 0, 0.0
    for rank, found in enumerate(ranking, start=1):
        if found in wanted:
            hits += 1
            total += hits / rank
    return total / min(len(wanted), k)


def _pairs(
    rankings: Sequence[Ranking], relevant: Sequence[Relevant]
) -> list[tuple[Ranking, Relevant]]:
    return list(zip(rankings, relevant, strict=True))


def _check(rankings: Sequence[Ranking], relevant: Sequence[Relevant]) -> None:
    if not rankings or len(rankings) != len(relevant):
        raise InputError(f"{len(rankings)} rankings for {len(relevant)} queries")
    for query, (ranking, wanted) in enumerate(_pairs(rankings, relevant)):
        if not wanted:
            raise InputError(f"query {query}: no id is relevant to it")
        if len(set(ranking)) != len(ranking):
            raise InputError(f"query {query}: its ranking names an id twice")
