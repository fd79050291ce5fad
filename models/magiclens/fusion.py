"""MagicLens's fusion: a small transformer over a picture's and a text's vector, and its pooler.

FusionEncoder: tokens (n, s, dim) -> (n, s, dim); Pooler: (n, s, dim) -> (n, dim). Norms, attention
logits and softmax are float32 inside, the rest is in the dtype of the weights. Source: Zhang et
al., "MagicLens: Self-Supervised Image Retrieval with Open-Ended Instructions", ICML 2024, and the
code published with it, github.com/google-deepmind/magiclens.
"""

import math

import torch
from torch.nn import functional

from models.magiclens.sizes import MLP_RATIO

FUSION_EPS = 1e-6
LOGIT_CAP = 50.0
PER_DIM_SCALE = 1.442695041  # 1 / softplus(0), which makes a scale of 0 the usual 1 / sqrt(d)


class CappedAttention(torch.nn.Module):
    """Attention whose logits x are 50 tanh(x / 50)."""

    def __init__(self, dimension: int, inner: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = torch.nn.Linear(dimension, inner)
        self.key = torch.nn.Linear(dimension, inner)
        self.value = torch.nn.Linear(dimension, inner)
        self.post = torch.nn.Linear(inner, dimension)

    def forward(self, asking: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """(n, t, dim), (n, s, dim) -> (n, t, dim)."""
        queries = self._scaled(self._by_head(self.query(asking)).float())
        keys = self._by_head(self.key(tokens)).float()
        values = self._by_head(self.value(tokens))
        logits = queries @ keys.transpose(-1, -2)  # (n, heads, t, s)
        weights = (LOGIT_CAP * torch.tanh(logits / LOGIT_CAP)).softmax(dim=-1)
        found = weights.to(values.dtype) @ values  # (n, heads, t, d)
        result: torch.Tensor = self.post(found.transpose(1, 2).flatten(2))
        return result

    def _by_head(self, tokens: torch.Tensor) -> torch.Tensor:
        """(n, t, heads * d) -> (n, heads, t, d)."""
        return tokens.view(*tokens.shape[:2], self.heads, -1).transpose(1, 2)

    def _scaled(self, queries: torch.Tensor) -> torch.Tensor:
        return queries / math.sqrt(queries.shape[-1])


class PoolingAttention(CappedAttention):
    """Its queries are scaled by a learned amount along each of a head's dimensions."""

    def __init__(self, dimension: int, inner: int, heads: int) -> None:
        super().__init__(dimension, inner, heads)
        self.per_dim_scale = torch.nn.Parameter(torch.zeros(inner // heads))

    def _scaled(self, queries: torch.Tensor) -> torch.Tensor:
        scale = functional.softplus(self.per_dim_scale.float()) * PER_DIM_SCALE
        return super()._scaled(queries * scale)


class FusionLayer(torch.nn.Module):
    def __init__(self, dimension: int, inner: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = torch.nn.LayerNorm(dimension, eps=FUSION_EPS)
        self.attention = CappedAttention(dimension, dimension, heads)
        self.feed_forward_norm = torch.nn.LayerNorm(dimension, eps=FUSION_EPS)
        self.feed_forward = torch.nn.Sequential(
            torch.nn.Linear(dimension, inner),
            torch.nn.ReLU(),
            torch.nn.Linear(inner, dimension),
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(n, s, dim) -> (n, s, dim)."""
        normed = self.attention_norm(tokens)
        tokens = tokens + self.attention(normed, normed)
        result: torch.Tensor = tokens + self.feed_forward(self.feed_forward_norm(tokens))
        return result


class FusionEncoder(torch.nn.Module):
    def __init__(self, dimension: int, inner: int, heads: int, layers: int) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            *(FusionLayer(dimension, inner, heads) for _ in range(layers))
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(n, s, dim) -> (n, s, dim), without a norm at the end."""
        result: torch.Tensor = self.layers(tokens)
        return result


class Pooler(torch.nn.Module):
    """One learned query over the tokens, with nothing added to what it finds."""

    def __init__(self, dimension: int, heads: int) -> None:
        super().__init__()
        self.query = torch.nn.Parameter(torch.zeros(1, dimension))
        self.attention = PoolingAttention(dimension, MLP_RATIO * dimension, heads)
        self.norm = torch.nn.LayerNorm(dimension, eps=FUSION_EPS)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(n, s, dim) -> (n, dim)."""
        asking = self.query.expand(len(tokens), 1, -1)
        result: torch.Tensor = self.norm(self.attention(asking, tokens))[:, 0]
        return result
