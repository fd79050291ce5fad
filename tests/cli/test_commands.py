"""The commands as a person types them: results, exit codes, one plain line for a mistake."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.outcomes import Pictor, mistake


def test_help_shows_every_command_without_loading_a_model(pictor: Pictor) -> None:
    shown = pictor("--help")
    assert shown.code == 0
    for verb in [
        "demo",
        "index",
        "search",
        "serve",
        "inspect",
        "duplicates",
        "export",
        "models",
        "embed",
        "scenes",
        "evaluate",
        "train",
    ]:
        assert f" {verb} " in shown.out


def test_index_counts_bad_files_names_them_and_exits_0(
    pictor: Pictor, photos: Path, tmp_path: Path
) -> None:
    (photos / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    indexed = pictor("index", photos, "--out", tmp_path / "c")
    assert indexed.code == 0
    assert "3 pictures" in indexed.out and "1 failed" in indexed.out
    assert "broken.jpg" in pictor("inspect", tmp_path / "c").out


def test_index_says_which_models_would_answer_better_unless_one_is_named(
    pictor: Pictor, photos: Path, tmp_path: Path
) -> None:
    silent = pictor("index", photos, "--out", tmp_path / "a", "--model", "starter")
    told = pictor("index", photos, "--out", tmp_path / "b")
    assert "ViT-B-32/laion2b_s34b_b79k" in told.err
    assert "ViT-B-32" not in silent.err


def test_nothing_readable_is_a_mistake(pictor: Pictor, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused = pictor("index", tmp_path / "empty", "--out", tmp_path / "c")
    assert "no picture could be read" in mistake(refused)


def test_indexing_again_embeds_nothing_new(pictor: Pictor, photos: Path, collection: Path) -> None:
    again = pictor("index", photos, "--out", collection, "--json")
    report = json.loads(again.out)
    assert (report["embedded"], report["reused"], report["generation"]) == (0, 3, 1)


def test_search_answers_text_pictures_and_both_as_json(
    pictor: Pictor, photos: Path, collection: Path
) -> None:
    by_text = json.loads(pictor("search", collection, "--text", "red", "--json").out)
    assert len(by_text["hits"]) == 3
    by_picture = pictor("search", collection, "--image", photos / "blue.png", "--json")
    first = json.loads(by_picture.out)["hits"][0]
    assert first["path"] == "blue.png" and first["score"] > 0.999
    both = pictor(
        "search", collection, "--image", photos / "blue.png", "--text", "green", "--limit", "2"
    )
    assert both.code == 0 and len(both.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["serach", "x"], "serach"),
        (["search"], "collection"),
        (["search", "nowhere", "--text", "dog"], "nowhere"),
        (["index", "nowhere", "--out", "c"], "nowhere"),
        (["embed", "--model", "starter", "--out", "x.npy"], "nothing to embed"),
        (["embed", "--model", "satrter", "--text", "a", "--out", "x.npy"], "starter"),
        (["embed", "--model", "ViT-B-99/none", "--text", "a", "--out", "x.npy"], "ViT-B-99"),
        (["evaluate", "imagenet", "--data", "."], "imagenet"),
        (["evaluate", "captions"], "--data"),
        (["scenes", "--count", "0", "--out", "x"], "--count"),
        (["train", "nowhere.toml"], "nowhere.toml"),
        (
            ["embed", "--model", "starter", "--device", "abacus", "--text", "a", "--out", "x"],
            "abacus",
        ),
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
    assert named in mistake(pictor(*arguments))


def test_a_place_that_cannot_be_written_is_a_mistake(pictor: Pictor, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for arguments in (
        ("scenes", "--count", "3", "--out", tmp_path / "file"),
        ("embed", "--model", "starter", "--text", "a", "--out", tmp_path / "file" / "x.npy"),
        ("demo", "--no-serve", "--out", tmp_path / "file"),
    ):
        assert str(tmp_path / "file") in mistake(pictor(*arguments))


def test_search_refuses_nonsense(pictor: Pictor, photos: Path, collection: Path) -> None:
    assert "give one --text" in mistake(pictor("search", collection))
    assert "give one --text" in mistake(pictor("search", collection, "--text", "a", "--text", "b"))
    assert "empty" in mistake(pictor("search", collection, "--text", "  "))
    unreadable = photos / "note.png"
    unreadable.write_text("not a picture")
    assert "note.png" in mistake(pictor("search", collection, "--image", unreadable))
    red = photos / "red.png"
    unknown = pictor("search", collection, "--image", red, "--text", "a", "--composer", "mean")
    assert "mean" in mistake(unknown)


def test_inspect_verify_exits_0_when_sound_and_1_with_faults(
    pictor: Pictor, collection: Path
) -> None:
    assert pictor("inspect", collection, "--verify").code == 0
    next((collection / "segments").iterdir()).write_bytes(b"damaged")
    found = pictor("inspect", collection, "--verify", "--json")
    assert found.code == 1
    assert json.loads(found.out)["faults"]


def test_embed_writes_pictures_then_texts_as_raw_rows(
    pictor: Pictor, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "vectors.npy"
    told = pictor(
        "embed", "--model", "starter", "--text", "red", "--image", photos / "red.png", "--out", out
    )
    rows = np.load(out)
    assert told.code == 0 and rows.shape == (2, 256) and rows.dtype == np.float32
    assert not np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)


def test_a_collection_of_another_model_is_refused_by_both_names(
    pictor: Pictor, photos: Path, collection: Path, tmp_path: Path
) -> None:
    from tests.models.test_huggingface import clip_folder  # noqa: PLC0415

    clip_folder(tmp_path / "other-model")
    other = ("--model", tmp_path / "other-model")
    for refused in (
        pictor("search", collection, "--text", "red", *other),
        pictor("serve", collection, "--port", "0", *other),
    ):
        said = mistake(refused)
        assert "starter@" in said and "other-model@" in said


def test_a_model_named_to_index_is_switched_to(
    pictor: Pictor, photos: Path, collection: Path, tmp_path: Path
) -> None:
    from tests.models.test_huggingface import clip_folder  # noqa: PLC0415

    clip_folder(tmp_path / "other-model")
    indexed = pictor("index", photos, "--out", collection, "--model", tmp_path / "other-model")
    assert "3 embedded" in indexed.out
    assert "other-model@" in pictor("inspect", collection).out
    assert "3 unchanged" in pictor("index", photos, "--out", collection).out


def test_models_lists_the_starter_first(pictor: Pictor) -> None:
    assert pictor("models").out.startswith("starter")
    assert "ViT-B-32/openai" in json.loads(pictor("models", "--json").out)["listed"]


def test_a_model_that_is_neither_cached_nor_reachable_names_the_ways_out(
    pictor: Pictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    refused = pictor(
        "embed", "--model", "hf-hub:nobody/nothing", "--text", "a", "--out", tmp_path / "x.npy"
    )
    said = mistake(refused)
    for words in ("nobody/nothing", "local cache", "hub", "local path", "starter"):
        assert words in said
    assert "downloading" in refused.err
