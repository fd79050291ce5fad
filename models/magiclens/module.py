"""MagicLens: CLIP's two towers, and a small transformer that fuses their two vectors into one.

encode_images: pictures (n, h, w, 3) in [0, 1] -> raw CLIP vectors (n, dim)
encode_tokens: ids (n, context), padded with 0 -> raw CLIP vectors (n, dim)
fuse: both -> (n, dim), compared by their cosine; a gallery's pictures go with the text ""
All in the dtype of the weights; norms, attention logits and softmax are float32 inside.
Source: Zhang et al., "MagicLens: Self-Supervised Image Retrieval with Open-Ended Instructions",
ICML 2024, and the code published with it, github.com/google-deepmind/magiclens.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from models import openclip
from models.huggingface import CLIP_MEAN, CLIP_STD
from models.magiclens.fusion import FusionEncoder, Pooler
from models.magiclens.sizes import MLP_RATIO, MagicLensSizes
from models.text_tower import PseudoWords, encode_tokens

CLIP_EPS = 1e-5
PADDING_ID = 0


class MagicLens(torch.nn.Module):
    def __init__(self, sizes: MagicLensSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.clip: Any = openclip.build(clip_settings(sizes))
        self.multimodal_encoder = FusionEncoder(
            sizes.dimension, sizes.fusion_inner, sizes.fusion_heads, sizes.fusion_layers
        )
        self.contrastive_multimodal_pooler = Pooler(sizes.dimension, sizes.pooler_heads)

    @property
    def dtype(self) -> torch.dtype:
        return self.contrastive_multimodal_pooler.query.dtype

    def encode_images(self, images: torch.Tensor) -> torch.Tensor:
        """(n, h, w, 3) float in [0, 1] -> raw (n, dim), of the largest square in the middle."""
        pixels = _normalised(_square(images.float(), self.sizes.resolution))
        vectors: torch.Tensor = self.clip.encode_image(pixels.to(self.dtype), normalize=False)
        return vectors

    def encode_tokens(
        self, ids: torch.Tensor, pseudo_words: PseudoWords | None = None
    ) -> torch.Tensor:
        """(n, context) -> raw (n, dim), pooled at the largest id."""
        return encode_tokens(self.clip, ids, pseudo_words=pseudo_words, masked_id=PADDING_ID)

    def fuse(self, images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        """Raw CLIP vectors (n, dim) twice -> (n, dim), not of unit length."""
        tokens = torch.stack([images, texts], dim=1).to(self.dtype)  # (n, 2, dim)
        fused: torch.Tensor = self.contrastive_multimodal_pooler(self.multimodal_encoder(tokens))
        return fused


def clip_settings(sizes: MagicLensSizes) -> dict[str, Any]:
    """CLIP as published by OpenAI, in open_clip's words."""
    norm = {"eps": CLIP_EPS}
    return {
        "embed_dim": sizes.dimension,
        "quick_gelu": True,
        "vision_cfg": {
            "image_size": sizes.resolution,
            "patch_size": sizes.patch,
            "width": sizes.vision_width,
            "layers": sizes.vision_layers,
            "head_width": sizes.vision_width // sizes.vision_heads,
            "mlp_ratio": MLP_RATIO,
            "norm_kwargs": norm,
        },
        "text_cfg": {
            "context_length": sizes.context,
            "vocab_size": sizes.vocabulary,
            "width": sizes.text_width,
            "layers": sizes.text_layers,
            "heads": sizes.text_heads,
            "mlp_ratio": MLP_RATIO,
            "norm_kwargs": norm,
        },
    }


def without_weights(sizes: MagicLensSizes) -> MagicLens:
    """On the meta device, where nothing is allocated or drawn; `with_weights` fills it."""
    with torch.device("meta"):
        return MagicLens(sizes).eval()


def with_weights(module: MagicLens, weights: Mapping[str, torch.Tensor]) -> MagicLens:
    """The module around these weights, which are not copied."""
    module.load_state_dict(weights, strict=True, assign=True)
    # the one buffer that no checkpoint holds
    context = module.sizes.context
    module.clip.attn_mask = torch.full((context, context), -torch.inf).triu(1)
    return module


def _square(images: torch.Tensor, side: int) -> torch.Tensor:
    """(n, h, w, 3) -> (n, 3, side, side)."""
    height, width = images.shape[1:3]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    square = images[:, top : top + short, left : left + short].permute(0, 3, 1, 2)
    if short == side:
        return square
    return functional.interpolate(square, (side, side), mode="bilinear", antialias=True)


def _normalised(images: torch.Tensor) -> torch.Tensor:
    """(n, 3, h, w) with CLIP's mean and deviation."""
    mean = torch.tensor(CLIP_MEAN, device=images.device)[:, None, None]
    std = torch.tensor(CLIP_STD, device=images.device)[:, None, None]
    return (images - mean) / std
