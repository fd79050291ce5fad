"""A training that learns: a tiny model, on the sample scenes alone, from nothing."""

from pathlib import Path

import pytest
import torch

from evaluation.benchmarks.registry import open_benchmark
from evaluation.embedded import Embedding
from evaluation.runner import Contestant, evaluate
from evaluation.scenes import write_scenes
from models.composers.registry import Composers
from models.device import choose_placement
from models.load import load_folder
from models.openclip_encoder import OpenClipEncoder
from training import run
from training.kinds import read_config

CONFIG = """
name = "tiny"
seed = 3
data = "."
out = "out"
vocabulary = 800
picture_px = 48
checkpoint_every = 1000

[model]
embed_dim = 64
[model.vision_cfg]
timm_model_name = "resnet10t"
timm_pool = "avg"
timm_proj = "linear"
image_size = 48
[model.text_cfg]
context_length = 64
width = 64
heads = 2
layers = 1

[scenes]
seed = 5
count = 900

[image_stage]
steps = 160
batch = 0
scene_batch = 48
warmup_steps = 20
learning_rate = 2e-3
text_learning_rate = 2e-3
short_caption_share = 0.0
"""


@pytest.mark.slow
def test_a_tiny_model_learns_to_find_and_to_compose_scenes_of_another_seed(tmp_path: Path) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(CONFIG)
    folder = run.train(read_config(config), choose_placement("cpu"), 2, report=lambda line: None)
    scenes = tmp_path / "scenes"
    write_scenes(scenes, seed=77, count=300)
    trained, untrained = measured(folder, scenes), measured(folder, scenes, seed=1)
    # of 300 scenes ten hold the right one by chance for one caption in thirty
    assert trained["full/R@10"] > 0.5 > 3 * untrained["full/R@10"]
    # fresh weights see that a scene and its edit look alike, and no more
    assert trained["composed/R@10"] > untrained["composed/R@10"] + 0.3


def measured(folder: Path, scenes: Path, seed: int | None = None) -> dict[str, float]:
    """Of the model, or of the same with weights that were drawn by this seed."""
    loaded = load_folder(folder)
    if seed is not None:
        torch.manual_seed(seed)
        weights = {
            name: torch.randn_like(weight) * weight.std() if weight.ndim > 1 else weight
            for name, weight in loaded.module.state_dict().items()
        }
        loaded.module.load_state_dict(weights)
    encoder = OpenClipEncoder("tiny", loaded, choose_placement("cpu"))
    composer = Composers(encoder).named("sum")
    how = Embedding("tiny", scenes.parent / "cache", 2, lambda line: None)
    benchmark = open_benchmark("scenes", scenes, None)
    return evaluate(benchmark, Contestant(encoder, composer), how)[0].metrics
