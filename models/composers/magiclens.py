"""MagicLens's own composed embedding: a small transformer over the two towers' embeddings.

The picture's and the joined instruction's raw embeddings are fused into one query. A MagicLens
model compares it with gallery pictures that went through the same stack with the text "", in a
space of their own; another model's head (models/fusion_head.py) with the pictures' own embeddings.
Source: Zhang et al.,
"MagicLens: Self-Supervised Image Retrieval with Open-Ended Instructions", ICML 2024.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.composers.composer import Asked, Tools
from models.encoders import FusingEncoder, Prompt
from models.query import Question, single
from models.space import Space
from models.vectors import Embeddings


@dataclass(frozen=True)
class MagicLensComposer:
    encoder: FusingEncoder
    space: Space  # of pictures and texts
    fused: Space
    name: str = "magiclens"

    def prompts(self, asked: Asked) -> Sequence[Prompt]:
        return [Prompt(asked.joined)]

    def compose(self, asked: Sequence[Asked], texts: Sequence[Embeddings]) -> list[Question]:
        pictures = np.stack([each.picture[self.space] for each in asked])
        rows = self.encoder.fuse(pictures, np.concatenate(texts))
        return [single(self.fused, row) for row in rows]


class MagicLensKind:
    weight = None

    def missing(self, tools: Tools) -> str | None:
        if _fused_space(tools) is None:
            return "the model has no MagicLens head"
        return None

    def of(self, tools: Tools, weight: float) -> MagicLensComposer:
        fused = _fused_space(tools)
        if fused is None or not isinstance(tools.encoder, FusingEncoder):
            raise TypeError("made of tools that something is missing of")
        return MagicLensComposer(tools.encoder, tools.encoder.space, fused)


def _fused_space(tools: Tools) -> Space | None:
    return tools.encoder.fused_space if isinstance(tools.encoder, FusingEncoder) else None
