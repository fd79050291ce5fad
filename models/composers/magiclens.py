"""MagicLens's own composed embedding: a small transformer over the two CLIP embeddings.

The picture's and the joined instruction's raw CLIP embeddings are fused into one query, compared
with gallery pictures that went through the same stack with the text "". Source: Zhang et al.,
"MagicLens: Self-Supervised Image Retrieval with Open-Ended Instructions", ICML 2024.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.composers.composer import Asked, Tools
from models.encoders import Prompt
from models.magiclens.encoder import MagicLensEncoder
from models.query import Question, single
from models.vectors import Embeddings


@dataclass(frozen=True)
class MagicLensComposer:
    encoder: MagicLensEncoder
    name: str = "magiclens"

    def prompts(self, asked: Asked) -> Sequence[Prompt]:
        return [Prompt(asked.joined)]

    def compose(self, asked: Sequence[Asked], texts: Sequence[Embeddings]) -> list[Question]:
        clip, fused = self.encoder.spaces
        pictures = np.stack([each.picture[clip] for each in asked])
        rows = self.encoder.fuse(pictures, np.concatenate(texts))
        return [single(fused, row) for row in rows]


class MagicLensKind:
    weight = None

    def missing(self, tools: Tools) -> str | None:
        if not isinstance(tools.encoder, MagicLensEncoder):
            return "the model is not a MagicLens model"
        return None

    def of(self, tools: Tools, weight: float) -> MagicLensComposer:
        if not isinstance(tools.encoder, MagicLensEncoder):
            raise TypeError("made of tools that something is missing of")
        return MagicLensComposer(tools.encoder)
