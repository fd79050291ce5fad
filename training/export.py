"""A trained model as a folder in open_clip's layout: settings, float16 weights, merges."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from models.openclip import CONFIG_FILE
from models.preprocess import Preprocessing

WEIGHTS_FILE = "open_clip_model.safetensors"
MERGES_FILE = "merges.txt.gz"


def export_model(
    folder: Path, model: torch.nn.Module, settings: dict[str, Any], preprocessing: Preprocessing
) -> None:
    """Write settings and weights, each whole or not at all; the merges are there already."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: _half(tensor) for name, tensor in model.state_dict().items()}
    unfinished = folder / f"{WEIGHTS_FILE}.tmp"
    save_file(weights, unfinished, metadata={"format": "pt"})
    unfinished.chmod(0o644)  # safetensors makes it readable for its owner alone
    unfinished.replace(folder / WEIGHTS_FILE)
    content = {
        "model_cfg": settings,
        "preprocess_cfg": {
            "mean": list(preprocessing.mean),
            "std": list(preprocessing.std),
            "interpolation": preprocessing.interpolation,
            "resize_mode": preprocessing.resize_mode,
        },
    }
    unfinished = folder / f"{CONFIG_FILE}.tmp"
    unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(folder / CONFIG_FILE)


def _half(tensor: torch.Tensor) -> torch.Tensor:
    tensor = tensor.detach().cpu()
    return tensor.half().contiguous() if tensor.is_floating_point() else tensor.contiguous()
