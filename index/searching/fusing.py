"""One ranking of several, by the places that they give, not by their scores.

fuse(rankings) -> (id, score), best first, ties by id: score(x) = sum of 1 / (K + place of x) over
the rankings that have it, places from 1.
Source: Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion Outperforms Condorcet and Individual
Rank Learning Methods", SIGIR 2009, whose constant this is.
"""

from collections import defaultdict
from collections.abc import Sequence

K = 60


def fuse(rankings: Sequence[Sequence[str]]) -> list[tuple[str, float]]:
    scores: defaultdict[str, float] = defaultdict(float)
    for ranking in rankings:
        for place, id_ in enumerate(ranking, start=1):
            scores[id_] += 1 / (K + place)
    return sorted(scores.items(), key=lambda each: (-each[1], each[0]))
