"""CLIP checkpoints in the Hugging Face transformers layout, read as data.

A folder with `config.json`, `model.safetensors` (CLIPModel's key names) and, where it is there,
`preprocessor_config.json`, becomes open_clip's settings and open_clip's key names. Nothing of the
checkpoint is run, and transformers is not needed. That is the layout of BAAI/BGE-VL-base and
-large. Raises ModelError, naming the key, for anything missing, unknown or unsupported.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from models.errors import ModelError
from models.preprocess import Preprocessing

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
RESAMPLE_NAMES = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers

# CLIPConfig's own defaults, which files leave out
TEXT_DEFAULTS = {
    "vocab_size": 49408,
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
    "eos_token_id": 49407,
}
VISION_DEFAULTS = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 32,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}
# CLIPImageProcessor's steps that are always done here; a crop may be left out
IMPLEMENTED = {
    "do_resize": True,
    "do_rescale": True,
    "do_normalize": True,
    "do_convert_rgb": True,
    "rescale_factor": 1 / 255,
}
LEGACY_EOS = 2  # old files name 2 where the text was pooled at the largest id

BLOCK_NAMES = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
TOP_NAMES = {
    "logit_scale": "logit_scale",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
}
TOWERS = {"text_model.encoder.layers.": "", "vision_model.encoder.layers.": "visual."}


def is_clip_folder(folder: Path) -> bool:
    return (folder / "config.json").is_file() and (folder / "model.safetensors").is_file()


def read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path}: expected a JSON object")
    return content


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json` as open_clip's model settings: embed_dim, vision_cfg, text_cfg, quick_gelu."""
    config = read_json(folder / "config.json")
    text = TEXT_DEFAULTS | (config.get("text_config_dict") or config.get("text_config") or {})
    vision = VISION_DEFAULTS | (
        config.get("vision_config_dict") or config.get("vision_config") or {}
    )
    activations = {text["hidden_act"], vision["hidden_act"]}
    if activations not in ({"quick_gelu"}, {"gelu"}):
        raise ModelError(
            f"{folder}: activations {sorted(activations)}, expected quick_gelu or gelu"
        )
    return {
        "embed_dim": config.get("projection_dim", 512),
        "quick_gelu": activations == {"quick_gelu"},
        "vision_cfg": {
            "image_size": vision["image_size"],
            "patch_size": vision["patch_size"],
            "head_width": vision["hidden_size"] // vision["num_attention_heads"],
            **_tower(vision),
        },
        "text_cfg": {
            "context_length": text["max_position_embeddings"],
            "vocab_size": text["vocab_size"],
            "heads": text["num_attention_heads"],
            **_tower(text),
            **_text_pooling(text),
        },
    }


def _tower(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "layers": config["num_hidden_layers"],
        "width": config["hidden_size"],
        "mlp_ratio": config["intermediate_size"] / config["hidden_size"],
        "norm_kwargs": {"eps": config["layer_norm_eps"]},
    }


def _text_pooling(text: Mapping[str, Any]) -> dict[str, Any]:
    if text["eos_token_id"] in (LEGACY_EOS, text["vocab_size"] - 1):
        return {"pool_type": "argmax"}
    return {"pool_type": "eos", "eos_id": text["eos_token_id"]}


def read_vocabulary(folder: Path) -> dict[str, int] | None:
    """Token -> id of `vocab.json`, else of `tokenizer.json`; None where neither is there."""
    if (folder / "vocab.json").is_file():
        return read_json(folder / "vocab.json")
    if (folder / "tokenizer.json").is_file():
        words: dict[str, int] = read_json(folder / "tokenizer.json")["model"]["vocab"]
        return words
    return None


def read_preprocessing(folder: Path, image_size: int) -> Preprocessing:
    """`preprocessor_config.json`, or `processor_config.json` as transformers 5 writes it, or CLIP's
    own preprocessing where both are missing."""
    config: dict[str, Any] = {}
    if (folder / "preprocessor_config.json").is_file():
        config = read_json(folder / "preprocessor_config.json")
    elif (folder / "processor_config.json").is_file():
        config = read_json(folder / "processor_config.json").get("image_processor") or {}
    for name, value in IMPLEMENTED.items():
        if config.get(name, value) not in (None, value):
            raise ModelError(f"{folder}: {name} is {config[name]}, only {value} is supported")
    cropped = config.get("do_center_crop", True)
    size = config.get("size") or image_size
    named = {*size} if isinstance(size, dict) else {"shortest_edge"}
    if "shortest_edge" not in named and not {"height", "width"} <= named:
        raise ModelError(f"{folder}: size is {size}, expected shortest_edge or height and width")
    shortest = size if isinstance(size, int) else size.get("shortest_edge")
    if not cropped and shortest is not None:
        raise ModelError(f"{folder}: do_center_crop is false, and pictures would keep their shapes")
    height, width = _sides(config.get("crop_size") or image_size) if cropped else _sides(size)
    if shortest is None and (height, width) != _sides(size):
        raise ModelError(f"{folder}: size {size} with crop_size {height} x {width} is unsupported")
    return Preprocessing(
        height=height,
        width=width,
        mean=tuple(config.get("image_mean") or CLIP_MEAN),
        std=tuple(config.get("image_std") or CLIP_STD),
        interpolation=RESAMPLE_NAMES.get(config.get("resample", 3), "unknown"),
        resize_mode="squash" if shortest is None else "shortest",
        resize_to=None if shortest is None or shortest == height == width else shortest,
    )


def _sides(size: int | dict[str, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size["height"], size["width"])


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """`model.safetensors` under open_clip's names, float32."""
    path = folder / "model.safetensors"
    try:
        stored = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read as safetensors: {error}") from error
    return rename_weights(stored, where=str(path))


def rename_weights(stored: Mapping[str, torch.Tensor], where: str) -> dict[str, torch.Tensor]:
    """CLIPModel's key names -> open_clip's; q, k and v of a layer are stacked into one matrix."""
    renamed: dict[str, torch.Tensor] = {}
    attention: dict[str, dict[str, torch.Tensor]] = {}
    for key, weight in stored.items():
        tensor = weight.float()
        if key.endswith(".position_ids"):
            continue  # a counter that old files carry along
        if key in TOP_NAMES:
            renamed[TOP_NAMES[key]] = tensor
        elif key == "visual_projection.weight":
            renamed["visual.proj"] = tensor.T.contiguous()
        elif key == "text_projection.weight":
            renamed["text_projection"] = tensor.T.contiguous()
        else:
            _rename_layer(key, tensor, renamed, attention, where)
    for name, parts in attention.items():
        if missing := {"q", "k", "v"} - parts.keys():
            raise ModelError(f"{where}: {name} has no {', '.join(sorted(missing))} projection")
        renamed[name] = torch.cat([parts["q"], parts["k"], parts["v"]])
    return renamed


def _rename_layer(
    key: str,
    tensor: torch.Tensor,
    renamed: dict[str, torch.Tensor],
    attention: dict[str, dict[str, torch.Tensor]],
    where: str,
) -> None:
    for prefix, tower in TOWERS.items():
        if not key.startswith(prefix):
            continue
        number, _, part = key.removeprefix(prefix).partition(".")
        name, _, kind = part.rpartition(".")
        block = f"{tower}transformer.resblocks.{number}"
        if name in BLOCK_NAMES:
            renamed[f"{block}.{BLOCK_NAMES[name]}.{kind}"] = tensor
            return
        if name in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"):
            stacked = attention.setdefault(f"{block}.attn.in_proj_{kind}", {})
            stacked[name.removeprefix("self_attn.")[0]] = tensor
            return
    raise ModelError(f"{where}: unknown weight {key!r}, expected the key names of CLIPModel")
