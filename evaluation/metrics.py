"""Retrieval metrics over ids alone.

A ranking is ids, best first, without repetition; the relevant ids of its query are a set. Each
function of rankings gives the mean over queries, between 0 and 1. Raises InputError for a query
without a relevant id, or a ranking that names an id twice.

- recall_at_k: the share of queries with a relevant id among the first k, as image-text retrieval
  reports it.
- share_at_k: the share of a query's relevant ids that are among the first k.
- precision_at_k: the share of the first k that is relevant; a ranking that is shorter than k has
  misses at its end.
- r_precision: precision at k = the number of relevant ids.
- map_at_k: mean of AP@k = sum of the precision at each hit / min(number of relevant ids, k), as
  CIRCO (Baldrati et al., ICCV 2023) and Google Landmarks v2 (Weyand et al., CVPR 2020) define it;
  k None: over whole rankings.
- trapezoidal_map: AP as the area under the precision-recall curve by trapezoids, and
- precision_at_reached_k: precision at min(k, rank of the last hit), both as the Oxford and Paris
  benchmarks define them (Philbin et al., CVPR 2007; Radenovic et al., CVPR 2018).
"""

from collections.abc import Callable, Collection, Sequence

from models.errors import InputError

Ranking = Sequence[str]
Relevant = Collection[str]


def recall_at_k(rankings: Sequence[Ranking], relevant: Sequence[Relevant], k: int) -> float:
    return _mean(rankings, relevant, lambda ranking, wanted: float(any(_hits(ranking[:k], wanted))))


def share_at_k(rankings: Sequence[Ranking], relevant: Sequence[Relevant], k: int) -> float:
    return _mean(
        rankings, relevant, lambda ranking, wanted: sum(_hits(ranking[:k], wanted)) / len(wanted)
    )


def precision_at_k(rankings: Sequence[Ranking], relevant: Sequence[Relevant], k: int) -> float:
    return _mean(rankings, relevant, lambda ranking, wanted: sum(_hits(ranking[:k], wanted)) / k)


def r_precision(rankings: Sequence[Ranking], relevant: Sequence[Relevant]) -> float:
    return _mean(
        rankings,
        relevant,
        lambda ranking, wanted: sum(_hits(ranking[: len(wanted)], wanted)) / len(wanted),
    )


def map_at_k(
    rankings: Sequence[Ranking], relevant: Sequence[Relevant], k: int | None = None
) -> float:
    return _mean(rankings, relevant, lambda ranking, wanted: average_precision(ranking, wanted, k))


def average_precision(ranking: Ranking, wanted: Relevant, k: int | None = None) -> float:
    """AP@k of one ranking."""
    ranks = _ranks(ranking[:k], wanted)
    total = sum(hits / rank for hits, rank in enumerate(ranks, start=1))
    return total / (len(wanted) if k is None else min(len(wanted), k))


def trapezoidal_map(rankings: Sequence[Ranking], relevant: Sequence[Relevant]) -> float:
    return _mean(rankings, relevant, _trapezoids)


def precision_at_reached_k(
    rankings: Sequence[Ranking], relevant: Sequence[Relevant], k: int
) -> float:
    return _mean(rankings, relevant, lambda ranking, wanted: _reached(ranking, wanted, k))


def _trapezoids(ranking: Ranking, wanted: Relevant) -> float:
    total = 0.0
    for hits, rank in enumerate(_ranks(ranking, wanted), start=1):
        before = (hits - 1) / (rank - 1) if rank > 1 else 1.0
        total += (before + hits / rank) / 2
    return total / len(wanted)


def _reached(ranking: Ranking, wanted: Relevant, k: int) -> float:
    ranks = _ranks(ranking, wanted)
    reached = min(k, ranks[-1]) if ranks else k
    return sum(rank <= reached for rank in ranks) / reached


def _hits(ranking: Ranking, wanted: Relevant) -> list[bool]:
    return [found in wanted for found in ranking]


def _ranks(ranking: Ranking, wanted: Relevant) -> list[int]:
    """Of the hits, from 1."""
    return [rank for rank, found in enumerate(ranking, start=1) if found in wanted]


def _mean(
    rankings: Sequence[Ranking],
    relevant: Sequence[Relevant],
    of_one: Callable[[Ranking, Relevant], float],
) -> float:
    if not rankings or len(rankings) != len(relevant):
        raise InputError(f"{len(rankings)} rankings for {len(relevant)} queries")
    total = 0.0
    for query, (ranking, wanted) in enumerate(zip(rankings, relevant, strict=True)):
        if not wanted:
            raise InputError(f"query {query}: no id is relevant to it")
        if len(set(ranking)) != len(ranking):
            raise InputError(f"query {query}: its ranking names an id twice")
        total += of_one(ranking, wanted)
    return total / len(rankings)
