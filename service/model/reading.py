"""What a text becomes before its forward pass: tokens where the model's tower takes them.

read(encoder, prompt) runs in any thread, ahead of the model; embed(encoder, texts) is the forward
pass. Raises InputError for a text that the model cannot take.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.encoders import DualEncoder, Prompt, TokenisingEncoder, Tokens, encode_prompts
from models.vectors import Embeddings


@dataclass(frozen=True)
class Read:
    prompt: Prompt
    cut: bool  # at its end, because it is longer than the model reads
    tokens: Tokens | None  # None of a tower that tokenises by itself


def read(encoder: DualEncoder, prompt: Prompt) -> Read:
    if isinstance(encoder, TokenisingEncoder):
        (tokens,) = encoder.tokenise([prompt])
        return Read(prompt, tokens.cut, tokens)
    return Read(prompt, encoder.overlong([prompt.text])[0], None)


def embed(encoder: DualEncoder, texts: Sequence[Read]) -> Embeddings:
    """n texts -> (n, dim)."""
    tokens = [text.tokens for text in texts if text.tokens is not None]
    if isinstance(encoder, TokenisingEncoder) and len(tokens) == len(texts):
        return encoder.encode_tokens(tokens)
    return encode_prompts(encoder, [text.prompt for text in texts])
