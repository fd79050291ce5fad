"""Textual inversion networks: a picture's raw embedding to the vector of a word for it.

words: (n, dim) raw float32 -> (n, width) float32, to stand where a symbol's token embedding would.
Two architectures: SEARLE's and LinCIR's, three linear layers with GELU between them, and
Pic2Word's, any number of linear layers with ReLU and a linear one at the end. All sizes come from
the weights' shapes. A folder of ours holds `phi.safetensors` and, written last, `phi.json`, which
names the space that the network is for. Raises ModelError, one plain line, for whatever cannot be
read or is for another space.
Sources: Baldrati et al., "Zero-Shot Composed Image Retrieval with Textual Inversion", ICCV 2023;
Gu et al., "Language-only Training of Zero-shot Composed Image Retrieval", CVPR 2024; Saito et al.,
"Pic2Word: Mapping Pictures to Words for Zero-shot Composed Image Retrieval", CVPR 2023.
"""

import hashlib
import pickle
import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors

from models.cards import read_card, space_content, space_in, write_card
from models.errors import InputError, ModelError
from models.files import write_whole
from models.space import Space
from models.vectors import Embeddings

PhiKind = Literal["searle", "lincir", "pic2word"]
Weights = dict[str, torch.Tensor]

PHI_FILE = "phi.json"
WEIGHTS_FILE = "phi.safetensors"
FORMAT = "pictor-phi"
VERSION = 1
MLP_LAYERS = ("layers.0", "layers.3", "layers.6")
NESTED_UNDER = {"searle": "Phi", "lincir": "Phi", "pic2word": "state_dict_img2text"}
PARALLEL_PREFIX = "module."  # of a network that was trained on several GPUs

# What torch raises for a file that is not a checkpoint, or holds more than weights.
READ_FAILURES = (
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    ImportError,
    MemoryError,
    pickle.UnpicklingError,
    struct.error,
)


READABLE = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class Mlp(torch.nn.Module):
    """SEARLE's and LinCIR's."""

    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        dimension, first, second, width = sizes
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(dimension, first),
            torch.nn.GELU(),
            torch.nn.Dropout(dropout),
            torch.nn.Linear(first, second),
            torch.nn.GELU(),
            torch.nn.Dropout(dropout),
            torch.nn.Linear(second, width),
        )

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        words: torch.Tensor = self.layers(embeddings)
        return words


class Pic2Word(torch.nn.Module):
    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        *inner, width = sizes
        self.layers = torch.nn.Sequential(
            *(
                torch.nn.Sequential(torch.nn.Linear(a, b), torch.nn.ReLU())
                for a, b in pairwise(inner)
            )
        )
        self.fc_out = torch.nn.Linear(inner[-1], width)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        words: torch.Tensor = self.fc_out(self.layers(embeddings))
        return words


@dataclass(frozen=True)
class Phi:
    kind: PhiKind
    space: Space
    network: torch.nn.Module  # on the CPU in float32, in evaluation mode
    width: int
    origin: Mapping[str, Any] = field(default_factory=dict)  # a file's SHA-256, or the training

    def words(self, embeddings: Embeddings) -> NDArray[np.float32]:
        """(n, dim) -> (n, width); safe to call from several threads."""
        if embeddings.ndim != 2 or embeddings.shape[1] != self.space.dimension:
            raise InputError(
                f"embeddings of shape {embeddings.shape}, expected (n, {self.space.dimension})"
            )
        with torch.inference_mode():
            rows = torch.from_numpy(np.ascontiguousarray(embeddings, dtype=np.float32))
            words: NDArray[np.float32] = self.network(rows).numpy()
        return words


def network_of(kind: PhiKind, weights: Weights, where: Path) -> tuple[torch.nn.Module, list[int]]:
    """The network of checked weights, and its sizes from the embedding's to the word's."""
    sizes = _sizes(kind, weights, where)
    network = Pic2Word(sizes) if kind == "pic2word" else Mlp(sizes)
    network.load_state_dict(weights, strict=True)
    return network.eval().requires_grad_(False), sizes


def read_published(kind: PhiKind, file: Path) -> Weights:
    """The weights in a file as its authors publish it: checked, float32, by plain names."""
    try:
        with warnings.catch_warnings():
            # remarks on a pickle's protocol; what cannot be read raises
            warnings.simplefilter("ignore", UserWarning)
            content = torch.load(file, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{file}: not a checkpoint, or one that holds more than weights: nothing else is read"
        ) from error
    except READ_FAILURES as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ModelError(f"{file}: cannot be read as a checkpoint: {reason}") from error
    under = NESTED_UNDER[kind]
    if isinstance(content, dict) and (under in content or kind == "pic2word"):
        content = content.get(under)
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ModelError(f"{file}: expected a dictionary of weights, by name or under {under!r}")
    weights = {str(key).removeprefix(PARALLEL_PREFIX): value for key, value in content.items()}
    _sizes(kind, weights, file)
    return {key: value.float() for key, value in weights.items()}


def pin_phi(kind: PhiKind, file: Path, encoder_space: Space, word_width: int | None) -> Phi:
    """A published network for this encoder, whose text tower takes words of `word_width`."""
    network, sizes = network_of(kind, read_published(kind, file), file)
    if word_width is None:
        raise ModelError(f"{encoder_space.model}: its text tower takes no pseudo-words")
    if sizes[0] != encoder_space.dimension:
        raise ModelError(
            f"{file}: takes embeddings of {sizes[0]} dimensions, {encoder_space.model} has "
            f"{encoder_space.dimension}: a phi for another space"
        )
    if sizes[-1] != word_width:
        raise ModelError(
            f"{file}: gives words of width {sizes[-1]}, the text tower of {encoder_space.model} "
            f"takes {word_width}: a phi for another space"
        )
    origin = {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    return Phi(kind, encoder_space, network, word_width, origin)


def write_phi(folder: Path, phi: Phi) -> None:
    """Weights first; `phi.json` names their digest, so that halves of two networks never mix."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.contiguous() for name, tensor in phi.network.state_dict().items()}
    data = save_safetensors(weights, metadata={"format": "pt"})
    content = {
        "format": FORMAT,
        "version": VERSION,
        "kind": phi.kind,
        "space": space_content(phi.space),
        "width": phi.width,
        "weights_sha256": hashlib.sha256(data).hexdigest(),
        "origin": dict(phi.origin),
    }
    write_whole(folder / WEIGHTS_FILE, data)
    write_card(folder / PHI_FILE, content)


def read_phi(folder: Path) -> Phi:
    file, weights_file = folder / PHI_FILE, folder / WEIGHTS_FILE
    if not file.is_file():
        raise ModelError(f"{folder}: no textual inversion network there: expected {PHI_FILE}")
    content = read_card(file, FORMAT, VERSION)
    kind, space, origin = _kind(content, file), space_in(content, file), content.get("origin")
    if not isinstance(origin, dict):
        raise ModelError(f"{file}: origin: expected an object, got {origin!r}")
    weights = _read_weights(weights_file, content.get("weights_sha256"))
    network, sizes = network_of(kind, weights, weights_file)
    if [sizes[0], sizes[-1]] != [space.dimension, content.get("width")]:
        raise ModelError(
            f"{weights_file}: {sizes[0]} dimensions to words of {sizes[-1]}, {PHI_FILE} says "
            f"{space.dimension} to {content.get('width')!r}"
        )
    return Phi(kind, space, network, sizes[-1], origin)


def _kind(content: Mapping[str, Any], file: Path) -> PhiKind:
    kinds: dict[object, PhiKind] = {kind: kind for kind in get_args(PhiKind)}
    kind = str(content.get("kind"))
    if kind not in kinds:
        raise ModelError(f"{file}: kind {kind!r}: expected one of {', '.join(map(str, kinds))}")
    return kinds[kind]


def _read_weights(file: Path, sha256: object) -> Weights:
    try:
        data = file.read_bytes()
        weights = load_safetensors(data)
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"{file}: cannot be read as safetensors: {error}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelError(f"{file}: not the weights that {PHI_FILE} was written for")
    return weights


def _sizes(kind: PhiKind, weights: Mapping[str, Any], where: Path) -> list[int]:
    """Of the embedding, of each layer, of the word; every tensor is checked on the way."""
    layers = _layers(kind, weights)
    expected = [f"{layer}.{part}" for layer in layers for part in ("weight", "bias")]
    if missing := sorted(set(expected) - set(weights)):
        raise ModelError(f"{where}: has no {missing[0]}, which a {kind} network has")
    if unknown := sorted(set(weights) - set(expected)):
        raise ModelError(f"{where}: has {unknown[0]}, which no {kind} network has")
    for key in expected:
        _check_tensor(key, weights[key], where)
    sizes = [int(weights[f"{layers[0]}.weight"].shape[-1])]
    for layer in layers:
        weight, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
        if weight.ndim != 2 or weight.shape[1] != sizes[-1] or 0 in weight.shape:
            shape = tuple(weight.shape)
            raise ModelError(f"{where}: {layer}.weight is {shape}, expected (any, {sizes[-1]})")
        if bias.shape != weight.shape[:1]:
            shape = tuple(bias.shape)
            raise ModelError(f"{where}: {layer}.bias is {shape}, expected ({weight.shape[0]},)")
        sizes.append(int(weight.shape[0]))
    return sizes


def _layers(kind: PhiKind, weights: Mapping[str, Any]) -> list[str]:
    if kind != "pic2word":
        return list(MLP_LAYERS)
    blocks = next(i for i in count() if f"layers.{i}.0.weight" not in weights)
    return [*(f"layers.{i}.0" for i in range(blocks)), "fc_out"]


def _check_tensor(key: str, tensor: object, where: Path) -> None:
    if not isinstance(tensor, torch.Tensor) or tensor.dtype not in READABLE:
        what = tensor.dtype if isinstance(tensor, torch.Tensor) else type(tensor).__name__
        raise ModelError(f"{where}: {key} is {what}, expected a tensor of floating point")
    if tensor.layout != torch.strided or tensor.is_nested or tensor.device.type != "cpu":
        raise ModelError(f"{where}: {key} is not a plain tensor with its numbers in the file")
    # as it is kept: a double may be too large for a float
    if tensor.ndim == 0 or not bool(torch.isfinite(tensor.float()).all()):
        raise ModelError(f"{where}: {key} holds numbers that are not finite, or none at all")
