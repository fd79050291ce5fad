"""Walk the arc from a picture's vector to a text's.

slerp(a, b, t): unit (dim,) float32 twice -> unit (dim,) float32; t = 0 gives a, t = 1 gives b.
Raises InputError for opposite vectors, which have no unique arc. Several instructions are walked to
one after the other. Source: Jang et al., "Spherical Linear Interpolation and Text-Anchoring for
Zero-shot Composed Image Retrieval", ECCV 2024.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.composers.composer import Asked, Tools, Weight
from models.encoders import Prompt
from models.errors import InputError
from models.query import Question, single
from models.space import Space
from models.vectors import Embeddings, Vector, unit_vector

WEIGHT = Weight(0, 1, 0.5)
MIN_ARC_RAD = 1e-4


def slerp(a: Vector, b: Vector, t: float) -> Vector:
    arc = float(np.arccos(np.clip(np.dot(a, b), -1.0, 1.0)))
    if np.pi - arc < MIN_ARC_RAD:
        raise InputError("slerp: the picture's and the text's vectors are opposite, no unique arc")
    if arc < MIN_ARC_RAD:
        return unit_vector(((1 - t) * a + t * b).astype(np.float32))
    along = np.sin((1 - t) * arc) * a + np.sin(t * arc) * b
    return unit_vector(along.astype(np.float32))


@dataclass(frozen=True)
class Slerp:
    space: Space
    weight: float = WEIGHT.default
    name: str = "slerp"

    def prompts(self, asked: Asked) -> Sequence[Prompt]:
        return [Prompt(text) for text in asked.instructions]

    def compose(self, asked: Sequence[Asked], texts: Sequence[Embeddings]) -> list[Question]:
        return [self._one(*each) for each in zip(asked, texts, strict=True)]

    def _one(self, asked: Asked, texts: Embeddings) -> Question:
        at = unit_vector(asked.picture[self.space])
        for text in texts:
            at = slerp(at, unit_vector(text), self.weight)
        return single(self.space, at)


class SlerpKind:
    weight = WEIGHT

    def missing(self, tools: Tools) -> str | None:
        return None

    def of(self, tools: Tools, weight: float) -> Slerp:
        return Slerp(tools.encoder.space, weight)
