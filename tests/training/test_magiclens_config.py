"""What a MagicLens run is told is checked whole, and refused by the name of the field."""

from pathlib import Path
from typing import Any

import pytest

from models.errors import InputError
from training.contrastive import Shared
from training.magiclens_config import (
    FusionSizes,
    MagicLensConfig,
    read_magiclens_config,
    run_fingerprint,
)

CONFIGS = Path(__file__).parents[2] / "configs"
CONFIG = """
kind = "magiclens"
name = "mine"
seed = 3
data = "data"
out = "out"
model = "lens"
shards = ["one", "/elsewhere/two"]
steps = 100
batch = 8
chunk = 4

[optimiser]
learning_rate = 1e-3
"""


def written(folder: Path, was: str = "", becomes: str = "") -> Path:
    path = folder / "mine.toml"
    path.write_text(CONFIG.replace(was, becomes) if was else CONFIG)
    return path


@pytest.mark.parametrize("name", ["magiclens-base", "magiclens-large", "megapairs"])
def test_a_config_that_ships_is_whole(name: str) -> None:
    config = read_magiclens_config(CONFIGS / f"{name}.toml")
    assert config.name == name
    assert config.batch == 2048


def test_magiclens_configs_have_its_recipe() -> None:
    for name, heads, inner in (("base", 8, 2048), ("large", 16, 3072)):
        config = read_magiclens_config(CONFIGS / f"magiclens-{name}.toml")
        assert config.fusion == FusionSizes(layers=4, heads=heads, inner=inner)
        assert (config.optimiser.name, config.steps) == ("adafactor", 50_000)
        assert config.optimiser.learning_rate == 2e-5
        assert config.optimiser.pretrained_learning_rate == 2e-6
        assert config.optimiser.pretrained == ("clip.",)
        assert config.loss.query_negatives == Shared.ALL


def test_megapairs_config_has_its_recipe() -> None:
    config = read_magiclens_config(CONFIGS / "megapairs.toml")
    assert (config.optimiser.learning_rate, config.optimiser.schedule) == (5e-6, "linear")
    assert config.optimiser.pretrained_learning_rate is None
    assert (config.loss.temperature, config.loss.temperature_is) == (0.02, "fixed")
    own = 1  # the query's picture
    assert (config.negatives + own, config.loss.query_negatives) == (4, Shared.ALL)


def test_shards_lie_below_the_data_unless_they_say_where(tmp_path: Path) -> None:
    config = read_magiclens_config(written(tmp_path))
    assert config.shard_folders == [tmp_path / "data" / "one", Path("/elsewhere/two")]


def test_a_fusion_has_published_sizes_or_its_own(tmp_path: Path) -> None:
    becomes = 'fusion = {layers = 1, heads = 2, inner = 8}\nmodel = "lens"'
    own = read_magiclens_config(written(tmp_path, 'model = "lens"', becomes))
    assert own.fusion == FusionSizes(layers=1, heads=2, inner=8)
    assert read_magiclens_config(written(tmp_path)).fusion is None


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("steps = 100", "", "steps: "),
        ("steps = 100", "steps = 0", "steps: "),
        ('shards = ["one", "/elsewhere/two"]', "shards = []", "shards: "),
        ("batch = 8", "batch = 1", "batch: "),
        ("chunk = 4", "chunk = 0", "chunk: "),
        ("chunk = 4", "chunk = 4\nchunks = 4", "chunks: "),
        ("chunk = 4", 'chunk = 4\nfusion = "huge"', "fusion: .*'huge', expected base, large"),
        ("chunk = 4", "chunk = 4\nfusion = {heads = 2}", r"fusion\.inner: "),
        ("chunk = 4", 'chunk = 4\nprecision = "float16"', "precision: "),
        ("chunk = 4", "chunk = 4\nnegatives = 2", "negatives: 2, and loss.mined_negatives is none"),
        (
            "[optimiser]",
            '[loss]\nmined_negatives = "own"\n[optimiser]',
            "negatives: none, and loss.mined_negatives is own",
        ),
        ("chunk = 4", "chunk = 4\ncheckpoint_every = 75", "checkpoint_every: 75, .* of log.every"),
        ("1e-3", "1e-3\nwarmup_steps = 100", r"optimiser\.warmup_steps: 100 of 100 steps"),
        ("[optimiser]\nlearning_rate = 1e-3", "", "optimiser: "),
        ("1e-3", "1e-3\n[validation]\nbenchmark = 'circo'", r"validation\.data: "),
    ],
)
def test_what_is_not_whole_is_refused_by_its_field(
    tmp_path: Path, was: str, becomes: str, named: str
) -> None:
    with pytest.raises(InputError, match=rf"mine\.toml: .*{named}"):
        read_magiclens_config(written(tmp_path, was, becomes))


def changed(config: MagicLensConfig, **values: Any) -> str:  # noqa: ANN401
    return run_fingerprint(config.model_copy(update=values), "a model", "some shards")


def test_a_fingerprint_is_of_all_that_decides_the_weights_and_of_nothing_else(
    tmp_path: Path,
) -> None:
    config = read_magiclens_config(written(tmp_path))
    same = changed(config)
    assert changed(config, out=tmp_path / "moved", ahead=1, checkpoint_every=50) == same
    assert changed(config, steps=200) != same
    assert changed(config, loss=config.loss.model_copy(update={"temperature": 0.1})) != same
    assert run_fingerprint(config, "another model", "some shards") != same
    assert run_fingerprint(config, "a model", "other shards") != same
