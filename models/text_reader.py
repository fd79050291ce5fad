"""Texts through one text tower, whichever model it belongs to: the text half of an encoder.

Raises InputError for an empty text, and for a prompt that its symbol is not in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models.device import batch_memory, to_numpy
from models.encoders import Prompt, Tokens
from models.errors import InputError
from models.text_tower import PseudoWords
from models.tokens import Tokenizer, cut_off, overlong, places_of
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
        _check_words(texts)
        with batch_memory(self.device):
            return to_numpy(self.embedded(texts))

    def prompts(self, prompts: Sequence[Prompt]) -> Embeddings:
        return self.encode_tokens(self.tokenise(prompts))

    def tokenise(self, prompts: Sequence[Prompt]) -> list[Tokens]:
        texts = [prompt.text for prompt in prompts]
        _check_words(texts)
        tokens = self.tokenizer(texts)
        _, places = places_of(self.tokenizer, tokens, prompts, self.word_width or 0)
        cut = cut_off(self.tokenizer, texts, tokens)
        return [
            Tokens(ids, each_cut, prompt.word, None if prompt.word is None else int(place.argmax()))
            for ids, each_cut, prompt, place in zip(
                tokens.numpy(), cut, prompts, places.numpy(), strict=True
            )
        ]

    def encode_tokens(self, tokens: Sequence[Tokens]) -> Embeddings:
        ids = torch.from_numpy(np.stack([each.ids for each in tokens])).to(self.device)
        with batch_memory(self.device), torch.inference_mode():
            return to_numpy(self.tower(ids, self._words(tokens)))

    def _words(self, tokens: Sequence[Tokens]) -> PseudoWords | None:
        if all(each.word is None for each in tokens):
            return None
        vectors = torch.zeros(len(tokens), self.word_width or 0)
        places = torch.zeros(len(tokens), len(tokens[0].ids), dtype=torch.bool)
        for row, each in enumerate(tokens):
            if each.word is not None and each.place is not None:
                vectors[row] = torch.from_numpy(each.word)
                places[row, each.place] = True
        return PseudoWords(vectors.to(self.device), places.to(self.device))

    def overlong(self, texts: Sequence[str]) -> list[bool]:
        return overlong(self.tokenizer, texts)

    def embedded(self, texts: Sequence[str]) -> torch.Tensor:
        """Raw (n, dim) on the device, of any text, an empty one included."""
        with torch.inference_mode():
            return self.tower(self.tokenizer(list(texts)).to(self.device), None)


def _check_words(texts: Sequence[str]) -> None:
    if any(not text.strip() for text in texts):
        raise InputError("text is empty, expected at least one word")
