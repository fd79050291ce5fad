"""A converted MagicLens: a folder with its weights and a card that says what they are.

    model.safetensors   float32, under the names of models/magiclens/module.py
    magiclens.json      the card, written last: without it the folder holds no model

convert(checkpoint, out): the published file -> the folder; each file is there whole or not at all,
and a folder that holds anything but an earlier conversion is not touched.
read_folder(folder) -> the module on the CPU, float32, and its card; its weights are mapped from the
file, so replace the file and never write into it.
Raises ModelError, one plain line, for whatever cannot be read, written or believed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from models.cards import read_card
from models.errors import ModelError
from models.files import sync
from models.huggingface import CLIP_MEAN, CLIP_STD
from models.magiclens.checkpoint import read_checkpoint
from models.magiclens.module import MagicLens, with_weights, without_weights
from models.magiclens.sizes import MagicLensSizes
from models.magiclens.weights import sizes_of, state_dict
from models.preprocess import Preprocessing

CARD_FILE = "magiclens.json"
WEIGHTS_FILE = "model.safetensors"
UNFINISHED = ".tmp"
FORMAT = "pictor-magiclens"
ARCHITECTURE = "magiclens"
VERSION = 1
SHA256_HEX = 64


@dataclass(frozen=True)
class Card:
    name: str
    sizes: MagicLensSizes
    preprocessing: Preprocessing
    source: str  # the published file's name
    source_sha256: str
    parameters: int

    def settings(self) -> dict[str, Any]:
        """What besides weights and preprocessing decides the vectors."""
        return {"architecture": ARCHITECTURE, "sizes": asdict(self.sizes)}


def convert(checkpoint: Path, out: Path) -> Card:
    _check_free(out)
    arrays = read_checkpoint(checkpoint)
    sizes = sizes_of(arrays, str(checkpoint))
    weights = state_dict(arrays, sizes)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "name": out.resolve().name or checkpoint.stem,
        "sizes": asdict(sizes),
        "preprocessing": _published_preprocessing(sizes),
        "source": checkpoint.name,
        "source_sha256": _sha256(checkpoint),
        "parameters": sum(tensor.numel() for tensor in weights.values()),
    }
    card = _card(out / CARD_FILE, content)
    try:
        _write(out, weights, content)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{out}: cannot be written: {_one_line(error)}") from error
    return card


def is_magiclens_folder(folder: Path) -> bool:
    return (folder / CARD_FILE).is_file()


def read_folder(folder: Path) -> tuple[MagicLens, Card]:
    path = folder / CARD_FILE
    card = _card(path, read_card(path, FORMAT, VERSION))
    module = without_weights(card.sizes)
    weights = _read_weights(folder / WEIGHTS_FILE, module.state_dict())
    if (found := sum(tensor.numel() for tensor in weights.values())) != card.parameters:
        raise ModelError(f"{path}: parameters {card.parameters}, the weights hold {found}")
    return with_weights(module, weights), card


def _published_preprocessing(sizes: MagicLensSizes) -> dict[str, Any]:
    """What the published evaluation feeds the model."""
    return {
        "height": sizes.resolution,
        "width": sizes.resolution,
        "mean": list(CLIP_MEAN),
        "std": list(CLIP_STD),
        "interpolation": "bilinear",
        "resize_mode": "squash",
        "white": "own maximum",
    }


def _check_free(out: Path) -> None:
    """Refuse a folder of anything but an earlier conversion, a broken-off one included."""
    try:
        names = {entry.name for entry in out.iterdir()} if out.exists() else set()
    except OSError as error:
        raise ModelError(f"{out}: cannot be used as a folder: {error.strerror}") from error
    ours = {CARD_FILE, f"{CARD_FILE}{UNFINISHED}"} & names
    if names - {f"{WEIGHTS_FILE}{UNFINISHED}"} and not ours:
        raise ModelError(
            f"{out}: this folder is neither empty nor an earlier conversion; nothing was touched"
        )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error


def _write(out: Path, weights: dict[str, torch.Tensor], content: dict[str, Any]) -> None:
    """At every moment the folder holds the earlier conversion, the new one, or none."""
    out.mkdir(parents=True, exist_ok=True)
    unfinished = {name: out / f"{name}{UNFINISHED}" for name in (WEIGHTS_FILE, CARD_FILE)}
    save_file(weights, unfinished[WEIGHTS_FILE], metadata={"format": "pt"})
    unfinished[WEIGHTS_FILE].chmod(0o644)  # safetensors makes it readable for its owner alone
    unfinished[CARD_FILE].write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for file in unfinished.values():
        sync(file)
    (out / CARD_FILE).unlink(missing_ok=True)
    for name, file in unfinished.items():
        file.replace(out / name)
    sync(out)


def _card(path: Path, content: Mapping[str, Any]) -> Card:
    fields = {"name", "sizes", "preprocessing", "source", "source_sha256", "parameters"}
    if odd := content.keys() ^ {"format", "version", *fields}:
        raise ModelError(f"{path}: {sorted(odd)[0]!r} is missing or unknown")
    for field, kind in {
        "name": str,
        "source": str,
        "source_sha256": str,
        "parameters": int,
    }.items():
        if type(content[field]) is not kind:
            raise ModelError(f"{path}: {field} is not a {kind.__name__}")
    if len(content["source_sha256"]) != SHA256_HEX:
        raise ModelError(f"{path}: source_sha256 has not {SHA256_HEX} digits")
    try:
        sizes = MagicLensSizes(**content["sizes"])
        preprocessing = _preprocessing(content["preprocessing"])
    except (TypeError, ValueError, AttributeError, ModelError) as error:
        raise ModelError(f"{path}: {_one_line(error)}") from error
    if (preprocessing.height, preprocessing.width) != (sizes.resolution, sizes.resolution):
        raise ModelError(f"{path}: pictures are prepared in another size than {sizes.resolution}")
    if (preprocessing.mean, preprocessing.std) != (CLIP_MEAN, CLIP_STD):
        raise ModelError(f"{path}: mean and std are not CLIP's, which the model brings itself")
    return Card(
        sizes=sizes,
        preprocessing=preprocessing,
        **{field: content[field] for field in fields - {"sizes", "preprocessing"}},
    )


def _preprocessing(section: dict[str, Any]) -> Preprocessing:
    colours = {name: tuple(section.get(name, ())) for name in ("mean", "std")}
    return Preprocessing(**{**section, **colours})


def _read_weights(path: Path, expected: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read as safetensors: {_one_line(error)}") from error
    if odd := weights.keys() ^ expected.keys():
        name = sorted(odd)[0]
        raise ModelError(f"{path}: {name} is {'unknown' if name in weights else 'missing'}")
    for name, tensor in weights.items():
        shape = expected[name].shape
        if tensor.shape != shape or tensor.dtype != torch.float32:
            raise ModelError(
                f"{path}: {name} is {tensor.dtype} of shape {tuple(tensor.shape)}, "
                f"expected torch.float32 of shape {tuple(shape)}"
            )
        if not np.isfinite(tensor.numpy()).all():  # many times faster than torch.isfinite
            raise ModelError(f"{path}: {name} holds NaN or infinity, expected numbers")
    return weights


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
