"""What a search is asked: probes, and how their similarities make a score.

A `Query` is complete in itself. A `Pending` one can be said only in sight of the gallery that it is
asked of (BASIC centres on the gallery's mean); the search finishes it first. Either may be given
parts to stay away from (`excluding`).

score(x) = sum_i w_i <p_i, x_i>, where x_i is the unit vector of the picture in the space of probe
i; where the query has a fusion, its value of the first similarities stands for their sum.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.errors import InputError
from models.space import Space
from models.vectors import Embeddings, Vector, unit_vector

T = TypeVar("T")
Likeness = Literal["image", "text"]
NOTHING_LEFT = 1e-6  # of a sum of unit vectors
Similarities = Sequence[NDArray[np.float64]]  # (m,) a probe


@dataclass(frozen=True)
class Probe:
    """One vector to search with, in its space, with its share in the score."""

    space: Space
    vector: Vector  # (dim,) float32, unit length
    weight: float = 1.0


class Fusion(Protocol):
    """A pure function of the similarities to a query's first probes, whose weights are not used."""

    @property
    def name(self) -> str: ...

    @property
    def takes(self) -> int:
        """How many probes."""
        ...

    @property
    def parameters(self) -> tuple[float, ...]:
        """All that the function depends on, besides the similarities."""
        ...

    def scores(self, similarities: Similarities) -> NDArray[np.float64]:
        """`takes` arrays (m,) -> (m,)."""
        ...

    def at_most(self, similarities: Sequence[float]) -> float:
        """No scores are higher where no similarity is higher than these."""
        ...


@dataclass(frozen=True)
class Query:
    probes: tuple[Probe, ...]
    fusion: Fusion | None = None
    likeness: Likeness = "text"  # what its probes are like: texts lie off where pictures are

    @property
    def fused(self) -> int:
        return self.fusion.takes if self.fusion else 0

    def scores(self, similarities: Similarities) -> NDArray[np.float64]:
        """One array (m,) a probe -> (m,)."""
        weighted = list(zip(self.probes[self.fused :], similarities[self.fused :], strict=True))
        total = sum((p.weight * s for p, s in weighted), start=np.float64(0))
        # a row's float16 rounding can leave it a little longer than a unit
        bound = sum(abs(p.weight) for p, _ in weighted)
        fused = self.fusion.scores(similarities[: self.fused]) if self.fusion else np.float64(0)
        return np.asarray(fused + np.clip(total, -bound, bound))

    def towards(self, probe: int) -> Vector:
        """Where the pictures are that this probe proposes: a negative weight wants the least
        alike, which are the nearest to the opposite vector."""
        each = self.probes[probe]
        return each.vector if probe < self.fused or each.weight >= 0 else -each.vector

    def at_most(self, highest: Sequence[float]) -> float:
        """No picture scores higher whose similarity to `towards(i)` is at most `highest[i]`."""
        fused = self.fusion.at_most(highest[: self.fused]) if self.fusion else 0.0
        weighted = list(zip(self.probes[self.fused :], highest[self.fused :], strict=True))
        # no lower than what `scores` clips to
        lowest = -sum(abs(p.weight) for p, _ in weighted)
        return fused + max(lowest, sum(abs(p.weight) * s for p, s in weighted))


class GalleryView(Protocol):
    """What a pending query may ask of the gallery."""

    def mean(self, space: Space) -> Vector:
        """(dim,): of the unit vectors, not of unit length itself; zeros for an empty gallery."""
        ...

    def sample(self, space: Space, count: int) -> Embeddings:
        """At most `count` unit vectors, spread evenly over the gallery: (m, dim)."""
        ...

    def nearest(self, space: Space, vector: Vector, count: int) -> Embeddings:
        """The unit vectors of the nearest pictures, best first: (m, dim), m <= count."""
        ...

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once for this gallery."""
        ...


@dataclass(frozen=True)
class Pending:
    finish: Callable[[GalleryView], Query]


Question = Query | Pending


@dataclass(frozen=True)
class Excluded:
    """Something to stay away from: its raw embedding, and how strongly."""

    space: Space
    embedding: Vector  # (dim,)
    weight: float


def single(space: Space, embedding: Vector, likeness: Likeness = "text") -> Query:
    """A text or an image query: its own unit vector."""
    return Query((Probe(space, unit_vector(embedding)),), likeness=likeness)


def excluding(question: Question, parts: Sequence[Excluded]) -> Question:
    """score'(x) = score(x) - sum_j w_j <e_j, x_j>, e_j the unit vector of part j.

    With every composer; a part is compared in its own space. Raises InputError where nothing is
    left of the query, or a part has no direction.
    """
    if not parts:
        return question
    if isinstance(question, Pending):
        return Pending(lambda gallery: _without(question.finish(gallery), parts))
    return _without(question, parts)


def _without(query: Query, parts: Sequence[Excluded]) -> Query:
    away = [Probe(part.space, unit_vector(part.embedding), -part.weight) for part in parts]
    fused, weighted = query.probes[: query.fused], [*query.probes[query.fused :], *away]
    return replace(query, probes=(*fused, *_merged(weighted)), likeness="text")


def _merged(probes: Sequence[Probe]) -> list[Probe]:
    """Probes of one space as one: w <a, x> + v <b, x> = <w a + v b, x>, the same scores from a
    single search, whose nearest are the best."""
    merged = []
    for space in dict.fromkeys(probe.space for probe in probes):
        mine = [probe for probe in probes if probe.space == space]
        total = sum(probe.weight * probe.vector.astype(np.float64) for probe in mine)
        length = float(np.linalg.norm(total))
        if length < NOTHING_LEFT:
            raise InputError("exclude: takes away all that was asked for")
        merged.append(Probe(space, unit_vector(np.asarray(total, dtype=np.float32)), length))
    return merged
