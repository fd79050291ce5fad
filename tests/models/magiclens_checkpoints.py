"""MagicLens checkpoints made for tests and benchmarks, in the published files' format."""

import math
import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from models.magiclens.sizes import MagicLensSizes
from models.magiclens.weights import published_shapes

# of the published base model; 0.67 GB
BASE = MagicLensSizes(
    dimension=512,
    vision_width=768,
    vision_layers=12,
    vision_heads=12,
    patch=16,
    resolution=224,
    text_width=512,
    text_layers=12,
    text_heads=8,
    context=77,
    vocabulary=49408,
    fusion_layers=4,
    fusion_heads=8,
    fusion_inner=2048,
    pooler_heads=8,
)


def extension(array: NDArray[Any], stored: str | None = None) -> msgpack.ExtType:
    """An array as flax packs it, under the name of its own type or another."""
    return msgpack.ExtType(
        1, msgpack.packb((array.shape, stored or array.dtype.name, bytes(array)))
    )


def tree_of(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Flat names below `params` -> the published tree of maps."""
    tree: dict[str, Any] = {}
    for name, value in arrays.items():
        *levels, last = ("params", *name.split("/"))
        branch = tree
        for level in levels:
            branch = branch.setdefault(level, {})
        branch[last] = value
    return tree


def save_tree(path: Path, tree: Any) -> Path:  # noqa: ANN401
    """Arrays in the tree are packed, anything else is left to msgpack."""
    path.write_bytes(pickle.dumps(msgpack.packb(tree, default=extension)))
    return path


def save_random(path: Path, sizes: MagicLensSizes, seed: int = 0) -> Path:
    """A checkpoint of random weights, written array by array."""
    random = np.random.default_rng(seed)
    with path.open("wb") as file:
        # protocol 4 and a bytes object, whose length is filled in at the end
        file.write(b"\x80\x04\x8e" + bytes(8))
        start = file.tell()
        _stream(file, tree_of(published_shapes(sizes)), "", random)
        length = file.tell() - start
        file.write(b".")
        file.seek(start - 8)
        file.write(struct.pack("<Q", length))
    return path


def _stream(file: IO[bytes], tree: dict[str, Any], above: str, random: np.random.Generator) -> None:
    file.write(msgpack.Packer().pack_map_header(len(tree)))
    for name, value in tree.items():
        file.write(msgpack.packb(name))
        if isinstance(value, dict):
            _stream(file, value, f"{above}/{name}", random)
        else:
            array = _random_array(f"{above}/{name}", value, random)
            file.write(msgpack.packb(extension(array)))


def _random_array(
    name: str, shape: tuple[int, ...], random: np.random.Generator
) -> NDArray[np.float32]:
    deviation = 1 / math.sqrt(math.prod(shape[:-1])) if len(shape) > 1 else 0.02
    array = random.standard_normal(shape, dtype=np.float32) * np.float32(deviation)
    # CLIP's norms multiply by their scale, the fusion's by 1 + scale
    return np.asarray(
        array + np.float32(name.startswith("/params/clip") and name.endswith("/scale"))
    )
