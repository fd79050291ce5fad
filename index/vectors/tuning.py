"""Raise the effort of an index's searches until the recall that is measured meets a target.

tune(index, units, target=..., texts=...) -> Tuning. Recall is recall@10 after exact scoring: of a
query's ten best rows among all, compared as they are stored, the share that the index proposes.
Rows that score as high as the tenth count as well as it. Of the efforts that reach the target by
more than the measurement's standard error, the one that looks at the fewest bytes is taken; where
none does, the best there is.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.faiss import FaissIndex
from index.vectors.effort import Effort, Reached, Tuning
from index.vectors.truth import Truth, image_queries, text_queries, truths
from index.vectors.units import StackedUnits
from models.vectors import Embeddings

PROPOSED = (20, 30, 50, 75, 100, 150, 200, 300, 450, 700, 1000)
# scoring a candidate exactly costs as much as looking at so many times its bytes in codes
EXACT_WEIGHT = 6


@dataclass(frozen=True)
class Tried:
    reached: Reached
    cost: float  # in bytes looked at
    error: float  # standard error of the recall

    @property
    def mean(self) -> float:
        return self.reached.recall

    @property
    def sure(self) -> float:
        return self.mean - self.error


def tune(
    index: FaissIndex,
    units: StackedUnits,
    *,
    target: float = 0.97,
    texts: Embeddings | None = None,
    seed: int = 0,
) -> Tuning:
    """`texts` (n, dim), real queries' vectors of any length, stand for the text-like queries.

    Raises InputError for one without a direction."""
    given = texts is not None and len(texts) > 0
    if not len(units):
        idle = Reached(Effort(1, PROPOSED[0]), 1.0, 0)
        return Tuning(target, idle, idle, texts_given=given)
    kinds = [image_queries(units, seed), text_queries(units, texts if given else None, seed)]
    image, text = (reach(index, truth, target) for truth in truths(units, kinds))
    return Tuning(target, image, text, texts_given=given)


def reach(index: FaissIndex, truth: Truth, target: float) -> Reached:
    """The effort of least cost that surely reaches the target, or that just reaches it, or the
    one that comes nearest."""
    tried: list[Tried] = []
    for breadth in breadths(index.widest):
        scanned = breadth * index.bytes_a_breadth
        if any(each.sure >= target and each.cost <= scanned for each in tried):
            break
        tried += _tried(index, truth, breadth)
    for reaching in (
        [t for t in tried if t.sure >= target],
        [t for t in tried if t.mean >= target],
    ):
        if reaching:
            return min(reaching, key=lambda each: each.cost).reached
    return max(tried, key=lambda each: (each.mean, -each.cost)).reached


def recall_of(index: FaissIndex, units: StackedUnits, tuning: Tuning, seed: int = 1) -> float:
    """Of queries like pictures, others than those that it was tuned with."""
    (truth,) = truths(units, [image_queries(units, seed)])
    return recall_at(index, truth, tuning.image.effort)


def recall_at(index: FaissIndex, truth: Truth, effort: Effort) -> float:
    """Mean recall@10 of searches with that effort."""
    return float(truth.recalls(_proposals(index, truth, effort), [effort.proposed]).mean())


def breadths(widest: int) -> Iterator[int]:
    """1, 2, 3, 4, 6, 8, 12, 16 and so on, up to the widest."""
    breadth = 1
    while breadth < widest:
        yield breadth
        if breadth > 1 and breadth * 3 // 2 < widest:
            yield breadth * 3 // 2
        breadth *= 2
    yield widest


def _tried(index: FaissIndex, truth: Truth, breadth: int) -> list[Tried]:
    """Of that breadth and every number of candidates."""
    proposals = _proposals(index, truth, Effort(breadth, PROPOSED[-1]))
    recalls = truth.recalls(proposals, PROPOSED)
    means, errors = recalls.mean(axis=0), recalls.std(axis=0) / np.sqrt(len(recalls))
    scanned = breadth * index.bytes_a_breadth
    return [
        Tried(
            Reached(Effort(breadth, proposed), float(mean), len(recalls)),
            scanned + proposed * EXACT_WEIGHT * truth.units.row_bytes,
            float(error),
        )
        for proposed, mean, error in zip(PROPOSED, means, errors, strict=True)
    ]


def _proposals(index: FaissIndex, truth: Truth, effort: Effort) -> list[NDArray[np.int64]]:
    # one more, as a query's own row is dropped
    count = min(effort.proposed + 1, index.most_proposed(effort.breadth))
    return [rows for _, rows in index.search(truth.queries.vectors, count, effort=effort)]
