"""The published tree of arrays, and the weight of ours that each becomes.

leaves(sizes) -> every weight of models/magiclens/module.py, with the names and the shape of the
published arrays that it is made of, and how one is turned over.
Layouts: flax keeps a matrix as (in, out), PyTorch as (out, in), and attention's split by head.
Source of the names: github.com/google-deepmind/magiclens, and CLIP in github.com/google-research/
scenic with its option use_underscore_module_name.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from models.magiclens.checkpoint import Array
from models.magiclens.sizes import MLP_RATIO, MagicLensSizes

TEXT = "clip/text"
VISION = "clip/visual"
FUSION = "multimodal_encoder"
POOLER = "contrastive_multimodal_pooler"


@dataclass(frozen=True)
class Leaf:
    """One weight of ours, and the published arrays, all of one shape, that it is made of."""

    target: str
    sources: tuple[str, ...]
    shape: tuple[int, ...]
    turned: Callable[[Array], Array] = lambda array: array


def leaves(sizes: MagicLensSizes) -> Iterator[Leaf]:
    yield Leaf("clip.logit_scale", ("clip/logit_scale",), ())
    yield from _vision(sizes)
    yield from _text(sizes)
    for number in range(sizes.fusion_layers):
        yield from _fusion_layer(sizes, number)
    yield from _pooler(sizes)


def _vision(sizes: MagicLensSizes) -> Iterator[Leaf]:
    ours, width, patch = "clip.visual", sizes.vision_width, sizes.patch
    yield Leaf(f"{ours}.class_embedding", (f"{VISION}/class_embedding",), (width,))
    yield Leaf(
        f"{ours}.conv1.weight",
        (f"{VISION}/conv1/kernel",),
        (patch, patch, 3, width),
        lambda kernel: kernel.transpose(3, 2, 0, 1),
    )
    yield Leaf(
        f"{ours}.positional_embedding",
        (f"{VISION}/positional_embedding",),
        (sizes.positions, width),
    )
    yield Leaf(f"{ours}.proj", (f"{VISION}/proj/kernel",), (width, sizes.dimension))
    yield from _norm(f"{ours}.ln_pre", f"{VISION}/ln_pre", width)
    yield from _norm(f"{ours}.ln_post", f"{VISION}/ln_post", width)
    for number in range(sizes.vision_layers):
        names = f"{ours}.transformer.resblocks.{number}", f"{VISION}/transformer/resblocks_{number}"
        yield from _clip_block(*names, width, sizes.vision_heads)


def _text(sizes: MagicLensSizes) -> Iterator[Leaf]:
    width = sizes.text_width
    yield Leaf(
        "clip.token_embedding.weight",
        (f"{TEXT}/token_embedding/embedding",),
        (sizes.vocabulary, width),
    )
    yield Leaf(
        "clip.positional_embedding", (f"{TEXT}/positional_embedding",), (sizes.context, width)
    )
    yield Leaf(
        "clip.text_projection", (f"{TEXT}/text_projection/kernel",), (width, sizes.dimension)
    )
    yield from _norm("clip.ln_final", f"{TEXT}/ln_final", width)
    for number in range(sizes.text_layers):
        names = f"clip.transformer.resblocks.{number}", f"{TEXT}/transformer/resblocks_{number}"
        yield from _clip_block(*names, width, sizes.text_heads)


def _clip_block(ours: str, theirs: str, width: int, heads: int) -> Iterator[Leaf]:
    split = (heads, width // heads)
    parts = [f"{theirs}/attn/{part}" for part in ("query", "key", "value")]
    yield Leaf(
        f"{ours}.attn.in_proj_weight",
        tuple(f"{part}/kernel" for part in parts),
        (width, *split),
        lambda kernel: kernel.reshape(width, width).T,
    )
    yield Leaf(
        f"{ours}.attn.in_proj_bias", tuple(f"{part}/bias" for part in parts), split, np.ravel
    )
    yield Leaf(
        f"{ours}.attn.out_proj.weight",
        (f"{theirs}/attn/out/kernel",),
        (*split, width),
        lambda kernel: kernel.reshape(width, width).T,
    )
    yield Leaf(f"{ours}.attn.out_proj.bias", (f"{theirs}/attn/out/bias",), (width,))
    yield from _norm(f"{ours}.ln_1", f"{theirs}/ln_1", width)
    yield from _norm(f"{ours}.ln_2", f"{theirs}/ln_2", width)
    for layer, shape in (
        ("c_fc", (width, MLP_RATIO * width)),
        ("c_proj", (MLP_RATIO * width, width)),
    ):
        names = f"{theirs}/mlp/{layer}/kernel", f"{theirs}/mlp/{layer}/bias"
        yield from _linear(f"{ours}.mlp.{layer}", *names, shape)


def _fusion_layer(sizes: MagicLensSizes, number: int) -> Iterator[Leaf]:
    dimension, inner = sizes.dimension, sizes.fusion_inner
    ours, theirs = f"{FUSION}.layers.{number}", f"{FUSION}/x_layers_{number}"
    yield from _capped_attention(
        f"{ours}.attention", f"{theirs}/self_attention", (dimension, sizes.fusion_heads), dimension
    )
    yield from _scaled_norm(f"{ours}.attention_norm", f"{theirs}/layer_norm", dimension)
    yield from _scaled_norm(f"{ours}.feed_forward_norm", f"{theirs}/ff_layer/layer_norm", dimension)
    for place, shape in ((1, (dimension, inner)), (2, (inner, dimension))):
        layer = f"{theirs}/ff_layer/ffn_layer{place}"
        names = f"{layer}/linear/w", f"{layer}/bias/b"
        yield from _linear(f"{ours}.feed_forward.{2 * place - 2}", *names, shape)


def _pooler(sizes: MagicLensSizes) -> Iterator[Leaf]:
    dimension, heads = sizes.dimension, sizes.pooler_heads
    inner = MLP_RATIO * dimension
    yield Leaf(f"{POOLER}.query", (f"{POOLER}/pooling_attn_query",), (1, dimension))
    yield from _capped_attention(
        f"{POOLER}.attention", f"{POOLER}/pool_attn", (dimension, heads), inner
    )
    yield Leaf(
        f"{POOLER}.attention.per_dim_scale",
        (f"{POOLER}/pool_attn/per_dim_scale/per_dim_scale",),
        (inner // heads,),
    )
    yield from _scaled_norm(f"{POOLER}.norm", f"{POOLER}/pool_attn_ln", dimension)


def _capped_attention(
    ours: str, theirs: str, tokens: tuple[int, int], inner: int
) -> Iterator[Leaf]:
    """`tokens`: their width and the number of heads."""
    dimension, heads = tokens
    split = (heads, inner // heads)
    for part in ("query", "key", "value"):
        yield Leaf(
            f"{ours}.{part}.weight",
            (f"{theirs}/{part}/w",),
            (dimension, *split),
            lambda w: w.reshape(dimension, inner).T,
        )
        yield Leaf(f"{ours}.{part}.bias", (f"{theirs}/{part}/b",), split, np.ravel)
    # (out, heads, width of a head), so already (out, in)
    yield Leaf(
        f"{ours}.post.weight",
        (f"{theirs}/post/w",),
        (dimension, *split),
        lambda w: w.reshape(dimension, inner),
    )
    yield Leaf(f"{ours}.post.bias", (f"{theirs}/post/b",), (dimension,))


def _linear(ours: str, kernel: str, bias: str, shape: tuple[int, int]) -> Iterator[Leaf]:
    yield Leaf(f"{ours}.weight", (kernel,), shape, np.transpose)
    yield Leaf(f"{ours}.bias", (bias,), shape[1:])


def _norm(ours: str, theirs: str, width: int) -> Iterator[Leaf]:
    yield Leaf(f"{ours}.weight", (f"{theirs}/scale",), (width,))
    yield Leaf(f"{ours}.bias", (f"{theirs}/bias",), (width,))


def _scaled_norm(ours: str, theirs: str, width: int) -> Iterator[Leaf]:
    """The fusion's norms multiply by 1 + scale, PyTorch's by their weight."""
    yield Leaf(f"{ours}.weight", (f"{theirs}/scale",), (width,), lambda scale: 1 + scale)
    yield Leaf(f"{ours}.bias", (f"{theirs}/bias",), (width,))
