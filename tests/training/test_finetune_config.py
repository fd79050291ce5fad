"""What fine-tuning is told is checked whole, and refused by the name of the field."""

from pathlib import Path
from typing import get_args

import pytest

from models.errors import InputError
from training.config import checked, read_toml
from training.finetune_config import FinetuneConfig, ModX
from training.renderings import WORDS

REPOSITORY = Path(__file__).parents[2]
CONFIG = """
kind = "finetune"
name = "mine"
seed = 3
data = "pictures"
out = "runs/mine"
model = "starter"
steps = 4

[[captions]]
folder = "images"
table = "captions.tsv"
"""


def read(path: Path) -> FinetuneConfig:
    return checked(path, read_toml(path), FinetuneConfig)


def written(folder: Path, text: str = CONFIG) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_the_old_models_similarities_are_held_as_published_unless_it_is_told_otherwise(
    tmp_path: Path,
) -> None:
    config = read(written(tmp_path))
    assert config.method == "mod-x" and config.mod_x == ModX(weight=20.0, temperature=1.0)
    more = "[mod_x]\nweight = 5\ntemperature = 0.1\n"
    assert read(written(tmp_path, CONFIG + more)).mod_x == ModX(weight=5.0, temperature=0.1)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    config = read(written(tmp_path, CONFIG.replace('"starter"', '"old"')))
    assert config.model == str(tmp_path / "old")
    assert config.out == tmp_path / "runs" / "mine" and config.data == tmp_path / "pictures"


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("steps = 4", "steps = 0", "steps"),
        ("steps = 4", "steps = 4\nbatch = 1", "batch"),
        ("steps = 4", "steps = 4\nlearning_rate = 0.0", "learning_rate"),
        ("steps = 4", "steps = 4\ntext_learning_rate = -1.0", "text_learning_rate"),
        ("steps = 4", "steps = 4\npicture_px = 8", "picture_px"),
        ("steps = 4", "steps = 4\nsmallest_crop = 0.0", "smallest_crop"),
        ("steps = 4", "steps = 4\njitter = 0.5", "jitter"),
        ("steps = 4", "steps = 4\nmirrored_share = 2", "mirrored_share"),
        ("steps = 4", "steps = 4\nema_decay = 1.0", "ema_decay"),
        ("steps = 4", "steps = 4\nfrozen = ['']", "frozen.0"),
        ("steps = 4", "steps = 4\nrenderings = 'woodcut'", "renderings"),
        ("steps = 4", "steps = 4\nmethod = 'ewc'", "method"),
        ("steps = 4", "steps = 4\n[mod_x]\ntemperature = 0", "mod_x.temperature"),
        ("steps = 4", "steps = 4\nmethod = 'plain'\n[mod_x]\nweight = 1", "mod_x: goes with"),
        ("[[captions]]", "[[captionz]]", "captionz"),
        (CONFIG[CONFIG.index("[[captions]]") :], "", "expected captions or classes"),
        ('model = "starter"', "", "model"),
    ],
)
def test_a_wrong_configuration_is_refused_by_field(
    tmp_path: Path, was: str, becomes: str, named: str
) -> None:
    with pytest.raises(InputError, match=named):
        read(written(tmp_path, CONFIG.replace(was, becomes)))


def test_pictures_are_redrawn_in_the_media_that_there_are() -> None:
    (media, _) = get_args(FinetuneConfig.model_fields["renderings"].annotation)
    assert set(get_args(media)) == set(WORDS)


@pytest.mark.parametrize("name", ["finetune.toml", "finetune-sketches.toml"])
def test_the_configurations_that_ship_are_sound(name: str) -> None:
    assert read(REPOSITORY / "configs" / name).model == "starter"
