"""What a tokenizer makes of texts, besides their ids.

overlong, cut_off: which texts are cut at their end because they are longer than the context.
places_of: where in the ids the symbols stand that pseudo-words take the place of. Raises InputError
for a prompt whose symbol is not in it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from models.encoders import Prompt
from models.errors import InputError

Tokenizer = Callable[[list[str]], torch.Tensor]  # texts -> (n, context)

SPECIAL_TOKENS = 2  # a start and an end


def overlong(tokenizer: Any, texts: Sequence[str]) -> list[bool]:  # noqa: ANN401
    encode = getattr(tokenizer, "encode", None)
    if encode is None:  # open_clip's wrapper of a transformers tokenizer
        inner = getattr(tokenizer, "tokenizer", None)
        if inner is None:
            return [False] * len(texts)
        return [len(inner(text)["input_ids"]) > tokenizer.context_length for text in texts]
    room = tokenizer.context_length - SPECIAL_TOKENS
    return [len(encode(text)) > room for text in texts]


def cut_off(tokenizer: Any, texts: Sequence[str], tokens: torch.Tensor) -> list[bool]:  # noqa: ANN401
    """What `overlong` says of the texts whose ids (n, context) these are, for less: a text whose
    ids do not fill the context is not read a second time."""
    if getattr(tokenizer, "encode", None) is None:  # it may pad with any id
        return overlong(tokenizer, texts)
    full = (tokens[:, -1] != 0).tolist()
    return [each and overlong(tokenizer, [text])[0] for each, text in zip(full, texts, strict=True)]


def places_of(
    tokenizer: Tokenizer, tokens: torch.Tensor, prompts: Sequence[Prompt], width: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The prompts' pseudo-words (n, width), and of each its symbol's first place (n, context)."""
    vectors = torch.zeros(len(prompts), width)
    places = torch.zeros_like(tokens, dtype=torch.bool)
    ids = {symbol: int(tokenizer([symbol])[0][1]) for symbol in {p.symbol for p in prompts}}
    for row, prompt in enumerate(prompts):
        if prompt.word is None:
            continue
        if len(prompt.word) != width:
            raise InputError(f"pseudo-word of width {len(prompt.word)}, expected {width}")
        found = (tokens[row] == ids[prompt.symbol]).nonzero()
        if not len(found):
            raise InputError(f"{prompt.symbol!r} is not in the prompt {prompt.text[:80]!r}")
        vectors[row] = torch.from_numpy(prompt.word)
        places[row, int(found[0])] = True
    return vectors, places
