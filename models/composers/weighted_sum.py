"""Add the text's unscaled embedding to the picture's.

q = norm(E_image + w E_text), over a gallery of norm(E_image); several instructions are added one
after the other. The rule of BGE-VL (Zhou et al., "MegaPairs", ACL 2025), w = 1 there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.composers.composer import Asked, Tools, Weight
from models.encoders import Prompt
from models.query import Question, single
from models.space import Space
from models.vectors import Embeddings

WEIGHT = Weight(0, 100, 1.0)


@dataclass(frozen=True)
class WeightedSum:
    space: Space
    weight: float = WEIGHT.default
    name: str = "sum"

    def prompts(self, asked: Asked) -> Sequence[Prompt]:
        return [Prompt(text) for text in asked.instructions]

    def compose(self, asked: Sequence[Asked], texts: Sequence[Embeddings]) -> list[Question]:
        return [self._one(*each) for each in zip(asked, texts, strict=True)]

    def _one(self, asked: Asked, texts: Embeddings) -> Question:
        total = asked.picture[self.space] + self.weight * np.sum(texts, axis=0, dtype=np.float32)
        return single(self.space, total.astype(np.float32))


class WeightedSumKind:
    weight = WEIGHT

    def missing(self, tools: Tools) -> str | None:
        return None

    def of(self, tools: Tools, weight: float) -> WeightedSum:
        return WeightedSum(tools.encoder.space, weight)
