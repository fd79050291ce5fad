"""Reference picture(s) and instruction(s) to a query.

A composer takes raw embeddings (the unscaled ones: their norms carry weight) and gives a `Query`:
probes, each a unit vector of a named space with a weight. Several instructions apply in turn.

sum:   norm(E_image + w E_text) over a gallery of norm(E_image); the rule of BGE-VL (Zhou et al.,
"MegaPairs", ACL 2025), w = 1 there. slerp: walk the arc from the picture to the text by t. Jang et
al., "Spherical Linear Interpolation and Text-Anchoring for Zero-shot Composed Image Retrieval",
ECCV 2024.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.errors import InputError
from models.space import Space
from models.vectors import Vector, unit_vector

MIN_ARC_RAD = 1e-4


@dataclass(frozen=True)
class Probe:
    """One vector to search with, in its space, with its share in the score."""

    space: Space
    vector: Vector  # (dim,) float32, unit length
    weight: float = 1.0


@dataclass(frozen=True)
class Query:
    """What a search answers: the union of each probe's nearest, scored by the weighted sum."""

    probes: tuple[Probe, ...]


class Composer(Protocol):
    @property
    def name(self) -> str: ...

    def compose(self, space: Space, image: Vector, instructions: Sequence[Vector]) -> Query:
        """Raw embeddings of the picture (dim,) and of each instruction (dim,) -> a query."""
        ...


def single(space: Space, embedding: Vector) -> Query:
    """A text or an image query: its own unit vector."""
    return Query((Probe(space, unit_vector(embedding)),))


@dataclass(frozen=True)
class WeightedSum:
    weight: float = 1.0
    name: str = "sum"

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 100:
            raise InputError(f"composer sum: weight is {self.weight}, expected 0 to 100")

    def compose(self, space: Space, image: Vector, instructions: Sequence[Vector]) -> Query:
        total = image + self.weight * np.sum(instructions, axis=0, dtype=np.float32)
        return single(space, total.astype(np.float32))


@dataclass(frozen=True)
class Slerp:
    weight: float = 0.5
    name: str = "slerp"

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise InputError(f"composer slerp: weight is {self.weight}, expected 0 to 1")

    def compose(self, space: Space, image: Vector, instructions: Sequence[Vector]) -> Query:
        at = unit_vector(image)
        for instruction in instructions:
            at = slerp(at, unit_vector(instruction), self.weight)
        return Query((Probe(space, at),))


def slerp(a: Vector, b: Vector, t: float) -> Vector:
    """Unit vectors (dim,) twice -> the unit vector at t along the arc; t = 0 gives a, t = 1 gives
    b.

    Raises InputError for opposite vectors, which have no unique arc.
    """
    arc = float(np.arccos(np.clip(np.dot(a, b), -1.0, 1.0)))
    if np.pi - arc < MIN_ARC_RAD:
        raise InputError("slerp: the picture's and the text's vectors are opposite, no unique arc")
    if arc < MIN_ARC_RAD:
        return unit_vector(((1 - t) * a + t * b).astype(np.float32))
    along = np.sin((1 - t) * arc) * a + np.sin(t * arc) * b
    return unit_vector(along.astype(np.float32))


COMPOSERS: dict[str, Callable[[float | None], Composer]] = {
    "sum": lambda weight: WeightedSum() if weight is None else WeightedSum(weight),
    "slerp": lambda weight: Slerp() if weight is None else Slerp(weight),
}


def composer_named(name: str, weight: float | None = None) -> Composer:
    """The composer of that name; raises InputError for an unknown name or a weight out of range."""
    try:
        make = COMPOSERS[name]
    except KeyError:
        raise InputError(f"composer {name!r}: expected one of {', '.join(COMPOSERS)}") from None
    return make(weight)
