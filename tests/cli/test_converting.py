"""Published checkpoints become models and networks that the other commands take."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from models.load import STARTER_FOLDER
from models.pinned import write_pin
from models.space import Space
from tests.cli.outcomes import Pictor, mistake

CHECKPOINT = Path(__file__).parents[1] / "data" / "magiclens" / "magic_lens_tiny.pkl"
STARTER_DIMENSION, STARTER_WORD = 256, 192


@pytest.fixture
def lens(pictor: Pictor, tmp_path: Path) -> Path:
    told = pictor("convert", "magiclens", CHECKPOINT, tmp_path / "lens")
    assert told.code == 0 and f"--model {tmp_path / 'lens'}" in told.out
    return tmp_path / "lens"


def searle(file: Path, dimension: int = STARTER_DIMENSION, word: int = STARTER_WORD) -> Path:
    sizes = ((dimension, 8), (8, 8), (8, word))
    torch.manual_seed(0)
    layers = {f"layers.{3 * n}": torch.nn.Linear(*size) for n, size in enumerate(sizes)}
    weights = {
        f"{key}.{n}": w for key, layer in layers.items() for n, w in layer.state_dict().items()
    }
    torch.save({"epoch": 3, "Phi": weights}, file)
    return file


def test_a_magiclens_checkpoint_is_a_model_like_any_other(
    pictor: Pictor, lens: Path, photos: Path, tmp_path: Path
) -> None:
    collection = tmp_path / "lens-collection"
    assert pictor("index", photos, "--out", collection, "--model", lens).code == 0
    inspected = json.loads(pictor("inspect", collection, "--verify", "--json").out)
    assert [space["model"] for space in inspected["spaces"]] == ["lens:clip", "lens"]
    assert inspected["space"] == inspected["spaces"][0] and inspected["faults"] == []
    asked = ("search", collection, "--image", photos / "red.png", "--json")
    alike = json.loads(pictor(*asked).out)
    assert alike["hits"][0]["path"] == "red.png" and alike["composer"] is None
    assert alike["space"].startswith("lens@")
    composed = json.loads(pictor(*asked, "--text", "in blue").out)
    assert (composed["composer"], composed["space"]) == ("magiclens", alike["space"])
    by_text = json.loads(pictor("search", collection, "--text", "red", "--json").out)
    assert by_text["space"].startswith("lens:clip@")


def test_a_phi_network_adds_its_composer(
    pictor: Pictor, collection: Path, photos: Path, tmp_path: Path
) -> None:
    network, file = tmp_path / "searle", searle(tmp_path / "searle.pt")
    told = pictor("convert", "searle", file, network, "--model", "starter")
    assert told.code == 0 and "starter@" in told.out
    asked = ("search", collection, "--image", photos / "red.png", "--text", "in blue", "--json")
    named = pictor(*asked, "--composer", "searle", "--phi", network)
    assert json.loads(named.out)["composer"] == "searle"
    assert "supported here: magiclens, sum" in mistake(pictor(*asked, "--composer", "searle"))


def test_what_is_excluded_falls_behind(pictor: Pictor, collection: Path) -> None:
    plain = json.loads(pictor("search", collection, "--text", "red", "--json").out)["hits"]
    asked = ("search", collection, "--text", "red", "--exclude", "a red picture", "--json")
    away = json.loads(pictor(*asked).out)["hits"]
    assert max(hit["score"] for hit in away) < max(hit["score"] for hit in plain)


def test_an_empty_or_an_overlong_instruction_is_told(
    pictor: Pictor, collection: Path, photos: Path
) -> None:
    asked = ("search", collection, "--image", photos / "red.png", "--composer", "basic")
    assert "empty" in mistake(pictor(*asked, "--text", " "))
    told = pictor(*asked, "--text", "red " * 40, "--text", "blue " * 40)
    assert told.code == 0 and told.err.count("longer than the model reads") == 1


def test_a_composer_without_a_picture_to_compose_is_told(pictor: Pictor, collection: Path) -> None:
    told = pictor("search", collection, "--text", "red", "--composer", "sum")
    assert told.code == 0 and "composer has no effect" in told.err


def test_embed_tells_of_a_text_that_is_cut(pictor: Pictor, tmp_path: Path) -> None:
    out = tmp_path / "rows.npy"
    told = pictor("embed", "--model", "starter", "--text", "red " * 80, "--out", out)
    assert told.code == 0 and "longer than the model reads" in told.err


def test_a_phi_network_of_another_space_is_refused_by_its_sizes(
    pictor: Pictor, tmp_path: Path
) -> None:
    for sizes, number in (((64, STARTER_WORD), "64"), ((STARTER_DIMENSION, 64), "64")):
        file = searle(tmp_path / "other.pt", *sizes)
        said = mistake(pictor("convert", "searle", file, tmp_path / "x", "--model", "starter"))
        assert "another space" in said and number in said
    assert not (tmp_path / "x").exists()


def test_a_phi_network_of_another_model_is_refused_by_both_names(
    pictor: Pictor, collection: Path, lens: Path, tmp_path: Path
) -> None:
    file = searle(tmp_path / "lens.pt", 64, 64)
    assert pictor("convert", "searle", file, tmp_path / "phi", "--model", lens).code == 0
    said = mistake(pictor("search", collection, "--text", "red", "--phi", tmp_path / "phi"))
    assert "lens:clip@" in said and "starter@" in said


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["magiclens", "nowhere.pkl", "out"], "nowhere.pkl"),
        (["magiclens", "nowhere.pkl", "out", "--model", "starter"], "--model"),
        (["searle", "nowhere.pt", "out"], "--model"),
        (["searle", "nowhere.pt", "out", "--model", "starter"], "nowhere.pt"),
        (["magic", "nowhere.pt", "out"], "magiclens, searle, lincir, pic2word"),
    ],
)
def test_a_mistake_is_answered_in_one_plain_line(
    pictor: Pictor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert named in mistake(pictor("convert", *arguments))
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_not_written_into(pictor: Pictor, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert "mine" in mistake(pictor("convert", "magiclens", CHECKPOINT, tmp_path / "mine"))
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_a_light_query_encoder_searches_but_does_not_fill_a_gallery(
    pictor: Pictor, photos: Path, tmp_path: Path
) -> None:
    shutil.copytree(STARTER_FOLDER, tmp_path / "light")
    other = Space("heavy", "0" * 16, STARTER_DIMENSION)
    write_pin(tmp_path / "light", other)
    said = mistake(pictor("index", photos, "--out", tmp_path / "c", "--model", tmp_path / "light"))
    assert "light query encoder" in said and str(other) in said
