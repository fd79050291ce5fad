"""`pictor triplets`: groups of pictures to shards, with a report of what was dropped."""

import json
from pathlib import Path

import pytest

from models.errors import InputError
from tests.fakes import ColourEncoder, picture
from training.triplets.run import make_triplets, read_triplets_config
from training.triplets.shard_reader import Order, Position, read_triplets
from training.triplets.shards import open_shards

CONFIG = """
kind = "triplets"
name = "colours"
seed = 1
data = "data"
out = "out"
model = "starter"

[groups]
folders = ["albums"]

[mining]
min_side = 32
image_similarity = [0.3, 0.99]
negatives = 0

[instructions]
kind = "template"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An album of two pictures that are related, and one of a small picture alone."""
    albums = tmp_path / "data" / "albums"
    for name in ("walk", "small"):
        (albums / name).mkdir(parents=True)
    for colour, caption in (
        ("red", "A red dog on a beach ."),
        ("yellow", "A yellow cat on a beach ."),
    ):
        picture(colour, (64, 64)).save(albums / "walk" / f"{colour}.png")
        (albums / "walk" / f"{colour}.txt").write_text(caption)
    picture("blue", (8, 8)).save(albums / "small" / "blue.png")
    file = tmp_path / "triplets.toml"
    file.write_text(CONFIG)
    return file


def test_related_pictures_become_triplets_and_every_drop_is_counted(config: Path) -> None:
    run = read_triplets_config(config)
    content = make_triplets(run, ColourEncoder(), report=lambda line: None)
    assert content["triplets"] == 2  # there and back
    assert json.loads((run.out / "report.json").read_text()) == content
    assert "small" in json.dumps(content["mined"])
    triplets = read_triplets(open_shards(run.out / "shards"), Order(seed=0), Position())
    read = [next(triplets)[1] for _ in range(2)]
    red = (config.parent / "data" / "albums" / "walk" / "red.png").read_bytes()
    (there,) = [each for each in read if each.query == red]
    (back,) = [each for each in read if each.target == red]
    assert {"yellow", "cat"} & {*there.instruction.split()}
    assert {"red", "dog"} & {*back.instruction.split()}
    assert there.ids == back.ids[::-1]


def test_pictures_that_are_not_related_make_no_triplets_and_say_so(config: Path) -> None:
    config.write_text(config.read_text().replace("[0.3, 0.99]", "[0.98, 0.99]"))
    run = read_triplets_config(config)
    with pytest.raises(InputError, match="no triplets to write: 0 pairs"):
        make_triplets(run, ColourEncoder(), report=lambda line: None)
    assert "too far apart" in (run.out / "report.json").read_text()


def test_pairs_of_which_nothing_is_said_are_counted_in_the_refusal(config: Path) -> None:
    for file in (config.parent / "data" / "albums" / "walk").glob("*.txt"):
        file.unlink()
    run = read_triplets_config(config)
    with pytest.raises(InputError, match="2 pairs; without an instruction: nothing differs"):
        make_triplets(run, ColourEncoder(), report=lambda line: None)
    assert json.loads((run.out / "report.json").read_text())["triplets"] == 0


def test_finished_shards_are_refused_before_anything_is_mined(config: Path) -> None:
    run = read_triplets_config(config)
    make_triplets(run, ColourEncoder(), report=lambda line: None)
    encoder = ColourEncoder()
    with pytest.raises(InputError, match="finished shards already: give another `out`"):
        make_triplets(run, encoder, report=lambda line: None)
    assert encoder.encoded_images == 0


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ('kind = "template"', 'kind = "oracle"', "instructions"),
        ('kind = "triplets"', 'kind = "clip"', "kind"),
        ("min_side = 32", "min_side = 0", "min_side"),
        ("negatives = 0", "negativs = 0", "negativs"),
    ],
)
def test_a_wrong_configuration_is_refused_by_field(
    config: Path, was: str, becomes: str, named: str
) -> None:
    config.write_text(config.read_text().replace(was, becomes))
    with pytest.raises(InputError, match=rf"triplets\.toml: .*{named}"):
        read_triplets_config(config)


def test_the_configuration_that_ships_is_whole() -> None:
    shipped = read_triplets_config(Path(__file__).parents[2] / "configs" / "triplets.toml")
    assert shipped.groups.pages and shipped.instructions.kind == "template"
