"""The forward pass of open_clip's text tower, from token ids to raw pooled embeddings.

Beside open_clip's own pass it cuts off padding that no pooled position can see, puts pseudo-words
in the place of tokens (textual inversion), and masks padding as keys (MagicLens's towers).
"""

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class PseudoWords:
    """One word vector a text, standing for the embeddings of the tokens at its places."""

    vectors: torch.Tensor  # (batch, width)
    places: torch.Tensor  # (batch, context) bool


def encode_tokens(
    module: Any,  # noqa: ANN401
    tokens: torch.Tensor,
    *,
    pseudo_words: PseudoWords | None = None,
    masked_id: int | None = None,
) -> torch.Tensor:
    """Token ids (batch, context) -> raw text embeddings (batch, dim).

    Positions whose id is `masked_id` are attended to by nobody. Where no position attends to a
    later one, padding behind the longest text is cut off first: the pooled output is the same, and
    short texts cost what they are long. Only causal towers (`is_causal`) take the options.
    """
    if not is_causal(module):
        embeddings: torch.Tensor = module.encode_text(tokens, normalize=False)
        return embeddings
    ends = tokens.argmax(dim=-1)
    length = int(ends.max()) + 1
    tokens = tokens[:, :length]
    dtype = module.transformer.get_cast_dtype()
    hidden = module.token_embedding(tokens).to(dtype)  # (batch, length, width)
    if pseudo_words is not None:
        places = pseudo_words.places[:, :length, None]
        hidden = torch.where(places, pseudo_words.vectors[:, None, :].to(dtype), hidden)
    hidden = hidden + module.positional_embedding[:length].to(dtype)
    mask = module.attn_mask[:length, :length]
    if masked_id is not None:
        mask = _without_keys(mask, tokens == masked_id, heads_of(module))
    hidden = module.transformer(hidden, attn_mask=mask)
    pooled = module.ln_final(hidden)[torch.arange(len(tokens), device=tokens.device), ends]
    if isinstance(module.text_projection, torch.nn.Linear):
        pooled = module.text_projection(pooled)
    elif module.text_projection is not None:
        pooled = pooled @ module.text_projection
    result: torch.Tensor = pooled
    return result


def is_causal(module: Any) -> bool:  # noqa: ANN401
    """Whether no position attends to a later one, and the last of a text is pooled."""
    causal = getattr(module, "attn_mask", None) is not None
    return causal and getattr(module, "text_pool_type", None) == "argmax"


def heads_of(module: Any) -> int:  # noqa: ANN401
    heads: int = module.transformer.resblocks[0].attn.num_heads
    return heads


def word_width(module: Any) -> int | None:  # noqa: ANN401
    """The width of the token embeddings that pseudo-words stand for; None where they cannot."""
    return int(module.token_embedding.weight.shape[1]) if is_causal(module) else None


def _without_keys(mask: torch.Tensor, hidden: torch.Tensor, heads: int) -> torch.Tensor:
    """(length, length), (batch, length) -> (batch * heads, length, length).

    The lowest finite number rather than -inf: a row that sees nothing stays free of NaN.
    """
    lowest = torch.finfo(mask.dtype).min
    each = mask.clamp(min=lowest).masked_fill(hidden[:, None, :], lowest)
    return each.repeat_interleave(heads, dim=0)
