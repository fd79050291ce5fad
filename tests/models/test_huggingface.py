"""CLIP checkpoints in the transformers layout give what transformers itself gives."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPModel

from models.device import choose_placement
from models.errors import ModelError
from models.load import load_encoder
from models.openclip import load_transformers_folder
from models.text_tower import encode_tokens

TOLERANCE = 1e-4
SIZES = {
    "text_config": {
        "vocab_size": 49408,
        "hidden_size": 32,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 16,
    },
    "vision_config": {
        "hidden_size": 48,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 3,
        "image_size": 32,
        "patch_size": 8,
    },
    "projection_dim": 24,
}


def clip_folder(folder: Path, activation: str = "quick_gelu") -> Any:  # noqa: ANN401
    torch.manual_seed(3)
    sizes = json.loads(json.dumps(SIZES))
    for tower in ("text_config", "vision_config"):
        sizes[tower]["hidden_act"] = activation
    model: Any = CLIPModel(CLIPConfig(**sizes))
    model.eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return model


def texts_of(model: Any, tokens: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    hidden = model.text_model(input_ids=tokens)
    embeddings: torch.Tensor = model.text_projection(hidden.pooler_output)
    return embeddings


def images_of(model: Any, pixels: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    hidden = model.vision_model(pixel_values=pixels)
    embeddings: torch.Tensor = model.visual_projection(hidden.pooler_output)
    return embeddings


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
def test_embeddings_equal_those_of_transformers_to_1e_4(tmp_path: Path, activation: str) -> None:
    reference = clip_folder(tmp_path, activation)
    ours: Any = load_transformers_folder(tmp_path).module.eval()
    tokens = torch.randint(1, 49000, (5, 16))
    for row, end in enumerate((3, 15, 7, 10, 4)):
        tokens[row, end] = 49407
        tokens[row, end + 1 :] = 0
    pixels = torch.randn(4, 3, 32, 32)
    with torch.inference_mode():
        assert torch.allclose(
            ours.encode_image(pixels), images_of(reference, pixels), atol=TOLERANCE
        )
        assert torch.allclose(ours.encode_text(tokens), texts_of(reference, tokens), atol=TOLERANCE)
        cut = encode_tokens(ours, tokens)
        assert torch.allclose(cut, texts_of(reference, tokens), atol=TOLERANCE)


def test_a_folder_is_loaded_by_its_path_and_answers_in_its_own_space(tmp_path: Path) -> None:
    clip_folder(tmp_path)
    encoder = load_encoder(str(tmp_path), choose_placement("cpu"), announce=print)
    assert encoder.space.dimension == 24
    assert encoder.space.model == tmp_path.name
    assert encoder.encode_texts(["a dog", "two dogs in snow"]).shape == (2, 24)


def test_the_models_own_preprocessing_is_read(tmp_path: Path) -> None:
    clip_folder(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "size": {"shortest_edge": 40},
                "crop_size": {"height": 32, "width": 32},
                "image_mean": [0.5, 0.5, 0.5],
                "image_std": [0.25, 0.25, 0.25],
                "resample": 2,
            }
        )
    )
    preprocessing = load_transformers_folder(tmp_path).preprocessing
    assert (preprocessing.height, preprocessing.width, preprocessing.resize_to) == (32, 32, 40)
    assert preprocessing.mean == (0.5, 0.5, 0.5)
    assert preprocessing.interpolation == "bilinear"


def test_preprocessing_is_read_as_transformers_5_writes_it(tmp_path: Path) -> None:
    clip_folder(tmp_path)
    content = {"image_processor": {"image_mean": [0.5] * 3, "size": {"shortest_edge": 32}}}
    (tmp_path / "processor_config.json").write_text(json.dumps(content))
    assert load_transformers_folder(tmp_path).preprocessing.mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    "settings",
    [
        {"do_normalize": False},
        {"rescale_factor": 1},
        {"do_center_crop": False},
        {"size": {"longest_edge": 32}},
        {"size": {"height": 40, "width": 40}},
        {"image_mean": [0.5]},
        {"image_std": [0, 0, 0]},
        {"resample": [2]},
        {"crop_size": {"shortest_edge": 32}},
    ],
)
def test_preprocessing_that_is_not_ours_is_refused_and_not_ignored(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    clip_folder(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError):
        load_transformers_folder(tmp_path)


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    clip_folder(tmp_path)
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"!": 5}}}))
    with pytest.raises(ModelError, match="not CLIP's vocabulary"):
        load_transformers_folder(tmp_path)


def test_one_changed_weight_is_another_space(tmp_path: Path) -> None:
    clip_folder(tmp_path)
    before = load_encoder(str(tmp_path), choose_placement("cpu"), announce=print).space
    weights = load_file(tmp_path / "model.safetensors")
    weights["visual_projection.weight"][0, 0] += 0.5
    save_file(weights, tmp_path / "model.safetensors")
    after = load_encoder(str(tmp_path), choose_placement("cpu"), announce=print).space
    assert before != after
    assert before.model == after.model


def test_other_preprocessing_is_another_space(tmp_path: Path) -> None:
    clip_folder(tmp_path)
    before = load_encoder(str(tmp_path), choose_placement("cpu"), announce=print).space
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"resample": 2}))
    after = load_encoder(str(tmp_path), choose_placement("cpu"), announce=print).space
    assert before != after


def test_an_unknown_weight_is_refused_by_its_name(tmp_path: Path) -> None:
    clip_folder(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["vision_model.surprise.weight"] = torch.zeros(2)
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"vision_model\.surprise\.weight"):
        load_transformers_folder(tmp_path)


def test_a_missing_weight_is_refused(tmp_path: Path) -> None:
    clip_folder(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="text_projection"):
        load_transformers_folder(tmp_path)


def test_weights_cut_short_are_refused(tmp_path: Path) -> None:
    clip_folder(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="safetensors"):
        load_transformers_folder(tmp_path)


def test_a_wrong_size_in_the_settings_is_refused_in_one_line(tmp_path: Path) -> None:
    clip_folder(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["projection_dim"] = 30
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError) as refusal:
        load_transformers_folder(tmp_path)
    assert "\n" not in str(refusal.value)


def test_bf16_stays_near_float32(tmp_path: Path) -> None:
    clip_folder(tmp_path)
    exact = load_encoder(str(tmp_path), choose_placement("cpu"), announce=print)
    rough = load_encoder(str(tmp_path), choose_placement("cpu", "bfloat16"), announce=print)
    assert exact.space == rough.space
    a, b = exact.encode_texts(["a dog"])[0], rough.encode_texts(["a dog"])[0]
    assert np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)) > 0.99
