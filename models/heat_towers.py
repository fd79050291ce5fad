"""Image towers that can be compared with a text part by part.

`tower_of(visual)` gives one, or None of a tower that is neither kind:

- Convolutions, averaged and projected linearly (timm's in open_clip). Averaging the projected map
  gives the picture's embedding, so that the map is exact. The text is taken less what it shares
  with the picture as a whole (which is the gradient of their cosine with respect to the map), and
  of channels that are never negative only those count that speak for it, in the spirit of Grad-CAM.
- open_clip's VisionTransformer without attentional pooling. Its tokens are read as MaskCLIP does:
  in the last block each patch attends to itself alone. This approximates: nothing was trained so.

maps(images, texts): (n, 3, h, w) normalised and (n, dim) -> (n, rows, columns).
Sources: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017; Zhou et al., "Extract Free Dense Labels from CLIP", ECCV 2022.
"""

from typing import Any, Protocol

import torch
from torch.nn import functional

LEAST_CELLS = 11  # a side, of the map that a tower is asked for
MOST_SCALE = 3  # times a tower's usual size
EXACT = 0.02  # how far the averaged map may be from the embedding, in shares of that


class HeatTower(Protocol):
    @property
    def scale(self) -> int:
        """Times its usual size that it is given pictures in."""
        ...

    def maps(self, images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor: ...


class ConvolutionalTower:
    def __init__(self, visual: Any, cells: int) -> None:  # noqa: ANN401
        self._visual = visual
        self.scale = min(MOST_SCALE, -(-LEAST_CELLS // (cells + 1)))

    def maps(self, images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        features = self._visual.trunk.forward_features(
            images
        ).float()  # (n, channels, rows, columns)
        projection = self._visual.head.proj
        weight = projection.weight.float()  # (dim, channels)
        whole = features.mean((2, 3)) @ weight.T
        if projection.bias is not None:
            whole = whole + projection.bias.float()
        whole, texts = functional.normalize(whole), functional.normalize(texts.float())
        own = texts - (texts * whole).sum(1, keepdim=True) * whole
        channels = own @ weight
        if bool((features >= 0).all()):
            channels = channels.clamp(min=0)
        return torch.einsum("nchw,nc->nhw", features, channels)


class TransformerTower:
    scale = 1  # its patches have places, which it has learned at one size alone

    def __init__(self, visual: Any) -> None:  # noqa: ANN401
        self._visual = visual

    def maps(self, images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        visual, blocks = self._visual, self._visual.transformer.resblocks
        ahead = visual.forward_intermediates(
            images,
            indices=[len(blocks) - 2],
            stop_early=True,
            intermediates_only=True,
            output_fmt="NLC",
        )
        tokens = _attending_to_themselves(blocks[-1], ahead["image_intermediates"][0])
        projected = (visual.ln_post(tokens) @ visual.proj).float()  # (n, patches, dim)
        alike = torch.einsum(
            "npd,nd->np",
            functional.normalize(projected, dim=-1),
            functional.normalize(texts.float()),
        )
        rows, columns = visual.grid_size
        return alike.reshape(-1, rows, columns)


def _attending_to_themselves(block: Any, tokens: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    """What a block gives for each token when no other one is there."""
    attention, width = block.attn, tokens.shape[-1]
    values = functional.linear(
        block.ln_1(tokens),
        attention.in_proj_weight[2 * width :],
        attention.in_proj_bias[2 * width :],
    )
    tokens = tokens + block.ls_1(attention.out_proj(values))
    mixed: torch.Tensor = tokens + block.ls_2(block.mlp(block.ln_2(tokens)))
    return mixed


def tower_of(visual: Any, images: torch.Tensor) -> HeatTower | None:  # noqa: ANN401
    """`images` (1, 3, h, w) are what the tower is tried on, at its usual size."""
    if _is_transformer(visual):
        return TransformerTower(visual)
    projection = getattr(getattr(visual, "head", None), "proj", None)
    if not isinstance(projection, torch.nn.Linear) or not hasattr(visual, "trunk"):
        return None
    features: Any = visual.trunk.forward_features(images)
    if features.ndim != 4 or features.shape[1] != projection.in_features:
        return None
    embedding = visual(images).float()
    apart = (projection(features.mean((2, 3))).float() - embedding).norm()
    if not bool(apart <= EXACT * embedding.norm()):
        return None  # something that is not linear lies between the map and the embedding
    return ConvolutionalTower(visual, min(*features.shape[2:]))


def _is_transformer(visual: Any) -> bool:  # noqa: ANN401
    blocks: Any = getattr(getattr(visual, "transformer", None), "resblocks", ())
    return (
        len(blocks) > 1
        and hasattr(visual, "forward_intermediates")
        and isinstance(getattr(blocks[-1], "attn", None), torch.nn.MultiheadAttention)
        and blocks[-1].attn.in_proj_weight is not None
        and getattr(visual, "attn_pool", None) is None
        and getattr(visual, "proj", None) is not None
    )
