"""Every configuration that ships is whole, and of the kind that it names."""

from pathlib import Path

import pytest

from training.kinds import KINDS, read_config
from training.triplets.run import TripletsConfig, read_triplets_config

CONFIGS = Path(__file__).parents[2] / "configs"
OF_TRIPLETS = {"triplets.toml"}


@pytest.mark.parametrize("file", sorted(p.name for p in CONFIGS.glob("*.toml")))
def test_a_configuration_that_ships_is_whole(file: str) -> None:
    if file in OF_TRIPLETS:
        assert isinstance(read_triplets_config(CONFIGS / file), TripletsConfig)
        return
    config = read_config(CONFIGS / file)
    assert isinstance(config, KINDS[config.kind])
    # what a user starts from names this repository's folder for runs, or its own
    assert config.out.is_absolute() and config.data.is_absolute()


def test_every_kind_ships_a_configuration() -> None:
    shipped = {
        read_config(p).__class__ for p in CONFIGS.glob("*.toml") if p.name not in OF_TRIPLETS
    }
    assert shipped == set(KINDS.values())
