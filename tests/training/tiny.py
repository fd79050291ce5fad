"""A dual encoder of a few thousand fresh weights, as a folder that `--model` takes; and what every
kind of run refuses."""

from pathlib import Path

import pytest
import torch

from models.errors import InputError
from models.openclip import bpe_tokenizer, build
from models.preprocess import Preprocessing
from training.bpe import learn_merges, write_merges
from training.export import MERGES_FILE, export_model
from training.kinds import read_config

DIMENSION = 16
WIDTH = 8
VISION = {"layers": 1, "width": 32, "head_width": 16, "patch_size": 16, "image_size": 32}
TEXT = {"context_length": 16, "width": WIDTH, "heads": 2, "layers": 1}
WORDS = ["a red square on a blue field", "two green circles in the grey rain"]


def gallery_model(folder: Path, **text: object) -> Path:
    folder.mkdir(parents=True)
    write_merges(folder / MERGES_FILE, learn_merges(WORDS * 3, 600))
    size = bpe_tokenizer(folder / MERGES_FILE, 16).vocab_size
    kwargs = {"bpe_path": MERGES_FILE}
    tower = {**TEXT, "vocab_size": size, "tokenizer_kwargs": kwargs, **text}
    settings = {"embed_dim": DIMENSION, "vision_cfg": VISION, "text_cfg": tower}
    torch.manual_seed(1)
    module = build(settings)
    preprocessing = Preprocessing(32, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), resize_mode="squash")
    export_model(folder, module, settings, preprocessing)
    return folder


def expect_refused(config: Path, was: str, becomes: str, named: str) -> None:
    """That the configuration, so changed, is refused by what the pattern names."""
    config.write_text(config.read_text().replace(was, becomes))
    with pytest.raises(InputError, match=named):
        read_config(config)
