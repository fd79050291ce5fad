"""A converted MagicLens is there whole or not at all, and is believed only where it all fits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.errors import ModelError
from models.magiclens.folder import convert, is_magiclens_folder, read_folder

PUBLISHED = next((Path(__file__).parents[1] / "data" / "magiclens").glob("*.pkl"))
WEIGHTS, CARD = "model.safetensors", "magiclens.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    convert(PUBLISHED, tmp_path / "lens")
    return tmp_path / "lens"


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as refused:
        read_folder(folder)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_the_card_says_what_was_converted(folder: Path) -> None:
    module, card = read_folder(folder)
    assert (card.name, card.source) == ("lens", PUBLISHED.name)
    assert card.parameters == sum(weight.numel() for weight in module.parameters())
    assert card.preprocessing.height == card.sizes.resolution


def test_the_module_is_float32_on_the_cpu_and_ready_to_run(folder: Path) -> None:
    module, _ = read_folder(folder)
    assert not module.training
    everything = [*module.parameters(), *module.buffers()]
    assert {(t.dtype, t.device.type) for t in everything} == {(torch.float32, "cpu")}


def test_nothing_unfinished_is_left(folder: Path) -> None:
    assert {file.name for file in folder.iterdir()} == {WEIGHTS, CARD}


def test_a_folder_of_something_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / WEIGHTS).write_bytes(b"somebody's")
    with pytest.raises(ModelError, match="neither empty nor an earlier conversion"):
        convert(PUBLISHED, tmp_path)
    assert (tmp_path / WEIGHTS).read_bytes() == b"somebody's"
    assert not is_magiclens_folder(tmp_path)


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(ModelError, match="cannot be used as a folder"):
        convert(PUBLISHED, tmp_path / "out")


@pytest.mark.parametrize(
    "left", [(), (WEIGHTS, CARD), (f"{WEIGHTS}.tmp",), (WEIGHTS, f"{CARD}.tmp")]
)
def test_an_earlier_conversion_is_replaced_even_if_it_broke_off(
    tmp_path: Path, left: tuple[str, ...]
) -> None:
    for name in left:
        (tmp_path / name).write_bytes(b"cut")
    convert(PUBLISHED, tmp_path)
    read_folder(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {WEIGHTS, CARD}


def test_weights_without_their_card_are_no_model(folder: Path) -> None:
    (folder / CARD).unlink()
    assert not is_magiclens_folder(folder)
    assert CARD in refusal(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another"},
        {"version": 2},
        {"sizes": {}},
        {"sizes": []},
        {"preprocessing": None},
        {"preprocessing": {"height": 64}},
        {"preprocessing": {"height": 64, "width": 64, "mean": [0.5] * 3, "std": [0.5] * 3}},
        {"parameters": 1},
        {"parameters": True},
        {"source_sha256": ""},
        {"name": 3},
        {"extra": 1},
    ],
)
def test_a_damaged_card_is_refused(folder: Path, change: dict[str, Any]) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | change))
    assert CARD in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"])
def test_a_card_that_is_no_json_object_is_refused(folder: Path, content: bytes) -> None:
    (folder / CARD).write_bytes(content)
    assert CARD in refusal(folder)


@pytest.mark.parametrize(
    ("size", "value"),
    [
        ("vision_heads", 7),
        ("vision_layers", 3),
        ("fusion_layers", 10**9),
        ("patch", 0),
        ("context", 7.0),
        ("text_heads", "4"),
        ("resolution", 128),
    ],
)
def test_sizes_that_do_not_fit_are_refused(folder: Path, size: str, value: object) -> None:
    card = json.loads((folder / CARD).read_text())
    card["sizes"][size] = value
    (folder / CARD).write_text(json.dumps(card))
    refusal(folder)


def without(name: str) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda weights: weights.pop(name)


def with_(name: str, tensor: torch.Tensor) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda weights: weights.update({name: tensor})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("clip.ln_final.bias"), "clip.ln_final.bias is missing"),
        (with_("clip.extra", torch.zeros(1)), "clip.extra is unknown"),
        (with_("clip.ln_final.bias", torch.zeros(3)), r"clip.ln_final.bias is torch.float32 of"),
        (with_("clip.ln_final.bias", torch.zeros(64).half()), "expected torch.float32"),
        (with_("clip.ln_final.bias", torch.full((64,), torch.nan)), "clip.ln_final.bias holds NaN"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_their_name(
    folder: Path, change: Callable[[dict[str, torch.Tensor]], object], said: str
) -> None:
    weights = {name: tensor.clone() for name, tensor in load_file(folder / WEIGHTS).items()}
    change(weights)
    save_file(weights, folder / WEIGHTS)
    assert said in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"junk", bytes(400)])
def test_weights_that_are_junk_are_refused(folder: Path, content: bytes) -> None:
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).write_bytes(content)
    assert WEIGHTS in refusal(folder)
