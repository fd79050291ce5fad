"""A head is trained beside a model, resumes, and leaves a model that composes by it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from models.composers.registry import Composers
from models.device import choose_placement
from models.fusion_head import HEAD_FILE
from models.load import load_encoder
from tests.training import tiny
from training import run
from training.config import HeadConfig
from training.kinds import read_config

CONFIG = """
kind = "head"
name = "tiny-head"
seed = 3
data = "data"
out = "out"
model = "model"
picture_px = 32
checkpoint_every = 2
heads = 2
layers = 1
steps = {steps}
anchor_batch = 4
warmup_steps = 1
text_learning_rate = {text}

[queries]
scenes = 4
media = 4
classes = 2

[[captions]]
folder = "images"
table = "captions.tsv"

[[classes]]
path = "classes"

[scenes]
seed = 5
count = 12
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny.gallery_model(tmp_path / "model")
    (tmp_path / "data" / "images").mkdir(parents=True)
    lines = ["file\tsplit\tcaption"]
    random = np.random.default_rng(0)
    for number in range(4):
        pixels = random.integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / "images" / f"{number}.png")
        lines.append(f"{number}.png\ttrain\ta red square {number}")
        place = tmp_path / "data" / "classes" / f"kind{number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - pixels).save(place / f"{number}.png")
    (tmp_path / "data" / "captions.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path


def config(folder: Path, steps: int = 4, text: float = 0.0) -> HeadConfig:
    file = folder / "head.toml"
    file.write_text(CONFIG.format(steps=steps, text=text))
    read = read_config(file)
    assert isinstance(read, HeadConfig)
    return read


def train(config: HeadConfig) -> Path:
    return run.train(config, choose_placement("cpu"), threads=1, report=lambda line: None)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "open_clip_model.safetensors")


def test_a_head_beside_towers_that_stay_needs_no_new_collection(folder: Path) -> None:
    made = train(config(folder))
    before = load_encoder(str(folder / "model"), choose_placement("cpu"), announce=print)
    after = load_encoder(str(made), choose_placement("cpu"), announce=print)
    assert after.space.revision == before.space.revision
    assert Composers(after).default == "magiclens"


def test_a_text_tower_that_learns_makes_a_new_space_of_the_same_image_tower(folder: Path) -> None:
    made = train(config(folder, text=1e-2))
    before, after = weights(folder / "model"), weights(made)
    assert all(
        torch.equal(before[name], after[name]) for name in before if name.startswith("visual.")
    )
    assert not torch.equal(before["text_projection"], after["text_projection"])
    encoder = load_encoder(str(made), choose_placement("cpu"), announce=print)
    assert Composers(encoder).default == "magiclens"  # pinned to the towers as they are now


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def test_a_killed_run_goes_on_to_the_same_head(folder: Path) -> None:
    undisturbed = load_file(train(config(folder, steps=60)) / "fusion.safetensors")
    for file in (folder / "out").glob("checkpoint.pt"):
        file.unlink()
    (folder / "out" / "model" / HEAD_FILE).unlink()

    def kill(line: str) -> None:
        if line.startswith("head 50/"):
            raise Killed

    with pytest.raises(Killed):
        run.train(config(folder, steps=60), choose_placement("cpu"), threads=1, report=kill)
    again = load_file(train(config(folder, steps=60)) / "fusion.safetensors")
    assert all(torch.equal(undisturbed[name], again[name]) for name in undisturbed)
