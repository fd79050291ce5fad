"""What the arrays of a published MagicLens say: the model's sizes, and the PyTorch weights.

sizes_of(arrays): every size is read off a shape, and every array is then accounted for: one that
is missing, unknown or misshapen raises ModelError with its name, the expected and the found shape.
state_dict(arrays, sizes): the weights under models/magiclens/module.py's names, float32; the
arrays leave `arrays` as they are turned over, so that none is held twice.
"""

import math
from collections.abc import Mapping, MutableMapping

import numpy as np
import torch

from models.errors import ModelError
from models.magiclens.checkpoint import Array
from models.magiclens.leaves import FUSION, POOLER, TEXT, VISION, leaves
from models.magiclens.sizes import MagicLensSizes


def sizes_of(arrays: Mapping[str, Array], where: str) -> MagicLensSizes:
    """The sizes, once every array is known to be there and to fit them."""
    vision, text = f"{VISION}/transformer/resblocks_", f"{TEXT}/transformer/resblocks_"
    fusion = f"{FUSION}/x_layers_"
    patch = _side(arrays, f"{VISION}/conv1/kernel", (4, 0), where)
    sizes = {
        "dimension": _side(arrays, f"{VISION}/proj/kernel", (2, 1), where),
        "vision_width": _side(arrays, f"{VISION}/conv1/kernel", (4, 3), where),
        "vision_layers": _layers(arrays, vision, where),
        "vision_heads": _side(arrays, f"{vision}0/attn/query/kernel", (3, 1), where),
        "patch": patch,
        "resolution": patch * _patches(arrays, where),
        "text_width": _side(arrays, f"{TEXT}/token_embedding/embedding", (2, 1), where),
        "text_layers": _layers(arrays, text, where),
        "text_heads": _side(arrays, f"{text}0/attn/query/kernel", (3, 1), where),
        "context": _side(arrays, f"{TEXT}/positional_embedding", (2, 0), where),
        "vocabulary": _side(arrays, f"{TEXT}/token_embedding/embedding", (2, 0), where),
        "fusion_layers": _layers(arrays, fusion, where),
        "fusion_heads": _side(arrays, f"{fusion}0/self_attention/query/w", (3, 1), where),
        "fusion_inner": _side(arrays, f"{fusion}0/ff_layer/ffn_layer1/linear/w", (2, 1), where),
        "pooler_heads": _side(arrays, f"{POOLER}/pool_attn/query/w", (3, 1), where),
    }
    try:
        checked = MagicLensSizes(**sizes)
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from error
    _check(arrays, published_shapes(checked), where)
    return checked


def published_shapes(sizes: MagicLensSizes) -> dict[str, tuple[int, ...]]:
    """Every array of a published checkpoint of these sizes."""
    return {source: leaf.shape for leaf in leaves(sizes) for source in leaf.sources}


def state_dict(
    arrays: MutableMapping[str, Array], sizes: MagicLensSizes
) -> dict[str, torch.Tensor]:
    return {
        leaf.target: _tensor([leaf.turned(arrays.pop(source)) for source in leaf.sources])
        for leaf in leaves(sizes)
    }


def _tensor(parts: list[Array]) -> torch.Tensor:
    # copied even where nothing turned it over: the arrays may be views of what was read
    rows = [np.array(part, order="C") for part in parts]
    return torch.from_numpy(np.concatenate(rows) if len(rows) > 1 else rows[0])


def _side(
    arrays: Mapping[str, Array], name: str, dimensions_and_axis: tuple[int, int], where: str
) -> int:
    """An array's length along an axis, if it has that many dimensions."""
    dimensions, axis = dimensions_and_axis
    if name not in arrays:
        raise ModelError(f"{where}: {name} is missing")
    if arrays[name].ndim != dimensions:
        raise ModelError(
            f"{where}: {name} has the shape {arrays[name].shape}, expected {dimensions} dimensions"
        )
    return int(arrays[name].shape[axis])


def _layers(arrays: Mapping[str, Array], prefix: str, where: str) -> int:
    numbers = {n.removeprefix(prefix).split("/")[0] for n in arrays if n.startswith(prefix)}
    if numbers != {str(number) for number in range(len(numbers))}:
        found = ", ".join(sorted(numbers, key=lambda n: (len(n), n)))[:200]
        raise ModelError(f"{where}: {prefix}*: found {found}, expected 0, 1, ... without a gap")
    return len(numbers)


def _patches(arrays: Mapping[str, Array], where: str) -> int:
    """Along a side of the picture."""
    name = f"{VISION}/positional_embedding"
    positions = _side(arrays, name, (2, 0), where)
    side = math.isqrt(max(positions - 1, 0))
    if side**2 + 1 != positions:
        raise ModelError(f"{where}: {name} has {positions} positions, expected a square and one")
    return side


def _check(arrays: Mapping[str, Array], expected: dict[str, tuple[int, ...]], where: str) -> None:
    for name, shape in expected.items():
        if name not in arrays:
            raise ModelError(f"{where}: {name} is missing, expected the shape {shape}")
        if arrays[name].shape != shape:
            raise ModelError(
                f"{where}: {name} has the shape {arrays[name].shape}, expected {shape}"
            )
    if unknown := sorted(arrays.keys() - expected.keys()):
        raise ModelError(
            f"{where}: {unknown[0]} of shape {arrays[unknown[0]].shape} is unknown, "
            "expected the arrays of a MagicLens on a CLIP with a vision transformer"
        )
