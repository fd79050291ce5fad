"""Texts through one text tower, whichever model it belongs to: the text half of an encoder.

Raises InputError for an empty text, and for a prompt that its symbol is not in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models.device import to_numpy
from models.encoders import Prompt
from models.errors import InputError
from models.text_tower import PseudoWords
from models.tokens import Tokenizer, overlong, places_of
from models.vectors import Embeddings


@dataclass(frozen=True)
class TextReader:
    tokenizer: Tokenizer
    tower: Callable[[torch.Tensor, PseudoWords | None], torch.Tensor]  # ids -> raw (n, dim)
    word_width: int | None
    device: torch.device

    def texts(self, texts: Sequence[str], dimension: int) -> Embeddings:
        """n texts -> (n, dimension); n = 0 gives no rows."""
        if not texts:
            return np.empty((0, dimension), dtype=np.float32)
        if any(not text.strip() for text in texts):
            raise InputError("text is empty, expected at least one word")
        return to_numpy(self.embedded(texts))

    def prompts(self, prompts: Sequence[Prompt]) -> Embeddings:
        tokens = self.tokenizer([prompt.text for prompt in prompts])
        vectors, places = places_of(self.tokenizer, tokens, prompts, self.word_width or 0)
        words = PseudoWords(vectors.to(self.device), places.to(self.device))
        with torch.inference_mode():
            return to_numpy(self.tower(tokens.to(self.device), words))

    def overlong(self, texts: Sequence[str]) -> list[bool]:
        return overlong(self.tokenizer, texts)

    def embedded(self, texts: Sequence[str]) -> torch.Tensor:
        """Raw (n, dim) on the device, of any text, an empty one included."""
        with torch.inference_mode():
            return self.tower(self.tokenizer(list(texts)).to(self.device), None)
