"""Benchmarks run through Pictor's own index and search, and refuse data that is not whole."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from evaluation.baselines import composer_or_baseline
from evaluation.benchmarks.registry import open_benchmark
from evaluation.embedded import Embedding
from evaluation.runner import Contestant, Evaluation, evaluate
from evaluation.scenes import write_scenes
from models.composers.registry import Composers
from models.errors import InputError, SpaceError
from models.preprocess import Pixels
from models.vectors import Embeddings
from tests.fakes import ColourEncoder, picture


def captioned(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    (folder / "images").mkdir(parents=True)
    for name in dict.fromkeys(row[0] for row in rows):
        picture(name.split(".")[0].split("-")[0]).save(folder / "images" / name)
    lines = ["file\tsplit\tcaption", *("\t".join(row) for row in rows)]
    (folder / "captions.tsv").write_text("\n".join(lines) + "\n")
    return folder


def measure(
    name: str,
    data: Path,
    split: str | None = None,
    composer: str = "sum",
    query_encoder: ColourEncoder | None = None,
    encoder: ColourEncoder | None = None,
) -> Evaluation:
    encoder = encoder or ColourEncoder()
    chosen = composer_or_baseline(composer, Composers(encoder))
    how = Embedding("colours", data / "cache", threads=1, announce=lambda line: None)
    contestant = Contestant(encoder, chosen, query_encoder)
    return evaluate(open_benchmark(name, data, split), contestant, how)[0]


def test_captions_are_measured_both_ways(tmp_path: Path) -> None:
    rows = [
        ("red.png", "dev", "red"),
        ("green.png", "dev", "green"),
        ("blue.png", "dev", "green"),  # wrong on purpose
        ("blue.png", "dev", "blue"),
    ]
    result = measure("captions", captioned(tmp_path, rows))
    assert result.counts == {"pictures": 3, "text_to_image": 4, "image_to_text": 3}
    assert result.metrics["text_to_image/R@1"] == 0.75
    assert result.metrics["text_to_image/R@5"] == 1
    # of blue's two captions the best-ranked one counts; green's ties with blue's wrong one, whose
    # key comes first
    assert result.metrics["image_to_text/R@1"] == pytest.approx(2 / 3)


def keys(data: Path, split: str | None) -> list[str]:
    return [picture.key for picture in open_benchmark("captions", data, split).pictures()]


def test_the_split_is_val_or_dev_unless_named(tmp_path: Path) -> None:
    rows = [("red.png", "train", "red"), ("green.png", "dev", "green")]
    data = captioned(tmp_path, rows)
    assert keys(data, None) == ["green.png"]
    assert keys(data, "train") == ["red.png"]
    with pytest.raises(InputError, match="expected one of dev, train"):
        open_benchmark("captions", data, "test")


class Rounded(ColourEncoder):
    """The same model in another precision."""

    def __init__(self) -> None:
        super().__init__()
        self.runs_on = "this test, rounded"


def test_what_another_dtype_embedded_is_not_taken(tmp_path: Path) -> None:
    data = captioned(tmp_path, [("red.png", "dev", "red")])
    measure("captions", data)
    rounded = Rounded()
    assert measure("captions", data, encoder=rounded).runs_on == "this test, rounded"
    assert rounded.encoded_images == 1


def test_a_question_without_words_is_refused_by_its_number(tmp_path: Path) -> None:
    data = captioned(tmp_path, [("red.png", "dev", "red"), ("blue.png", "dev", " ")])
    with pytest.raises(InputError, match="text_to_image, question 1: its text is empty"):
        measure("captions", data)
    assert not (data / "cache").exists()


def test_pictures_with_the_same_bytes_tie_in_the_benchmarks_order(tmp_path: Path) -> None:
    rows = [("red-1.png", "dev", "red"), ("red-2.png", "dev", "red"), ("blue.png", "dev", "blue")]
    result = measure("captions", captioned(tmp_path, rows))
    # both texts rank red-1 before red-2
    assert result.metrics["text_to_image/R@1"] == pytest.approx(2 / 3)
    assert result.metrics["text_to_image/R@5"] == 1


def test_pictures_are_embedded_once_and_anew_where_a_file_has_changed(tmp_path: Path) -> None:
    data = captioned(tmp_path, [(f"{name}.png", "dev", name) for name in ("red", "blue")])
    encoder = ColourEncoder()
    first = measure("captions", data, encoder=encoder)
    assert measure("captions", data, encoder=encoder).metrics == first.metrics
    assert encoder.encoded_images == 2
    picture("green").save(data / "images" / "blue.png")
    changed = measure("captions", data, encoder=encoder)
    assert encoder.encoded_images == 3
    assert changed.counts["pictures"] == 2
    other = ColourEncoder(revision="f" * 16)
    measure("captions", data, encoder=other)
    assert other.encoded_images == 2  # another space's are not taken


def test_after_a_run_that_failed_the_whole_gallery_is_looked_at_again(tmp_path: Path) -> None:
    data = captioned(tmp_path, [("red.png", "dev", "red"), ("blue.png", "dev", "blue")])
    blue = (data / "images" / "blue.png").read_bytes()
    (data / "images" / "blue.png").write_bytes(b"not a picture")
    for _ in range(2):
        with pytest.raises(InputError, match=r"blue\.png"):
            measure("captions", data)
    (data / "images" / "blue.png").write_bytes(blue)
    assert measure("captions", data).metrics["text_to_image/R@1"] == 1


def test_a_picture_that_cannot_be_read_fails_the_run_by_name(tmp_path: Path) -> None:
    data = captioned(tmp_path, [("red.png", "dev", "red"), ("blue.png", "dev", "blue")])
    (data / "images" / "blue.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"blue\.png"):
        measure("captions", data)


def test_a_picture_that_is_missing_is_refused_before_anything_is_embedded(tmp_path: Path) -> None:
    data = captioned(tmp_path, [("red.png", "dev", "red")])
    (data / "images" / "red.png").unlink()
    with pytest.raises(InputError, match=r"red\.png: named by the benchmark"):
        measure("captions", data)


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "captions.tsv").write_text("file\tcaption\nred.png\tred\n")
    with pytest.raises(InputError, match="no column 'split'"):
        open_benchmark("captions", tmp_path, None)


def scenes(folder: Path) -> Path:
    for colour in ("red", "yellow", "green", "blue"):
        picture(colour).save(folder / f"{colour}.png")
    lines = ["file\tkind\tcaption"]
    lines += [f"{colour}.png\tfull\t{colour}" for colour in ("red", "yellow", "green", "blue")]
    lines += ["red.png\tshort\tred yellow", "yellow.png\tshort\tred yellow"]
    (folder / "captions.tsv").write_text("\n".join(lines) + "\n")
    edit = (
        '{"reference": "red.png", "instruction": "green", "kind": "colour", "target": "yellow.png"}'
    )
    (folder / "edits.jsonl").write_text(edit + "\n")
    return folder


def test_scenes_are_measured_by_full_and_short_captions_and_by_edits(tmp_path: Path) -> None:
    result = measure("scenes", scenes(tmp_path))
    assert result.metrics["full/R@1"] == 1
    # red + green is yellow; red itself, the reference, is not in the ranking
    assert result.metrics["composed/R@1"] == 1
    assert result.metrics["composed.colour/R@10"] == 1
    # without the words, what is nearest to red is the target
    assert result.metrics["image/R@1"] == 1
    # either of the two scenes that share a wording answers it
    assert result.counts["short"] == 1
    assert result.metrics["short/R@5"] == 1


def test_edits_of_some_things_can_be_asked_alone(tmp_path: Path) -> None:
    write_scenes(tmp_path, seed=4, count=30, size_px=32, workers=1)
    edits = [json.loads(line) for line in (tmp_path / "edits.jsonl").read_text().splitlines()]
    asked = open_benchmark("scenes", tmp_path, None, {"combinations": "house/time,house/setting"})
    (composed,) = [task for task in asked.tasks if task.name == "composed"]
    assert 0 < len(composed.questions) < len(edits)
    houses = {
        scene["file"]
        for scene in map(json.loads, (tmp_path / "scenes.jsonl").read_text().splitlines())
        if any(thing["kind"] == "house" for thing in scene["things"])
    }
    of_houses = [
        edit
        for edit in edits
        if edit["kind"] in ("time", "setting") and edit["reference"] in houses
    ]
    assert len(composed.questions) == len(of_houses)
    with pytest.raises(InputError, match="dragon/time"):
        open_benchmark("scenes", tmp_path, None, {"combinations": "dragon/time"})


def test_an_edit_of_a_picture_that_is_not_in_the_set_is_refused(tmp_path: Path) -> None:
    edits = scenes(tmp_path) / "edits.jsonl"
    edits.write_text(edits.read_text().replace("yellow.png", "gone.png"))
    with pytest.raises(InputError, match=r"gone\.png is not in captions\.tsv"):
        open_benchmark("scenes", tmp_path, None)


def test_an_unknown_benchmark_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'cocoo'.*captions, circo.*scenes"):
        open_benchmark("cocoo", tmp_path, None)


class ShortSighted(ColourEncoder):
    """Takes every picture for a green one."""

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        return self.encode_texts(["green"] * len(pixels))


def test_a_query_encoder_asks_in_the_models_place_over_the_models_gallery(tmp_path: Path) -> None:
    rows = [(f"{colour}.png", "dev", colour) for colour in ("red", "green", "blue")]
    data = captioned(tmp_path, rows)
    assert measure("captions", data).metrics["image_to_text/R@1"] == 1
    asked = measure("captions", data, query_encoder=ShortSighted()).metrics
    assert asked["text_to_image/R@1"] == 1  # the gallery is the model's
    assert asked["image_to_text/R@1"] == pytest.approx(1 / 3)


def test_a_query_encoder_of_other_spaces_is_refused(tmp_path: Path) -> None:
    data = captioned(tmp_path, [("red.png", "dev", "red")])
    other = ColourEncoder(revision="f" * 16)
    with pytest.raises(SpaceError, match=r"colours@f+/4, the gallery of colours@0123"):
        measure("captions", data, query_encoder=other)


@pytest.mark.parametrize(("composer", "found"), [("image", 0), ("text", 1), ("sum", 0)])
def test_the_baselines_ignore_one_half_of_the_question(
    tmp_path: Path, composer: str, found: int
) -> None:
    for colour in ("red", "green", "orange"):
        picture((255, 120, 0) if colour == "orange" else colour).save(tmp_path / f"{colour}.png")
    captions = [f"{colour}.png\tfull\t{colour}" for colour in ("red", "green", "orange")]
    captions[2] = "orange.png\tfull\tred green"
    (tmp_path / "captions.tsv").write_text("\n".join(["file\tkind\tcaption", *captions]) + "\n")
    edit = {"reference": "red.png", "instruction": "green", "kind": "colour", "target": "green.png"}
    (tmp_path / "edits.jsonl").write_text(json.dumps(edit) + "\n")
    # red and green together are nearest to orange
    assert measure("scenes", tmp_path, composer=composer).metrics["composed/R@1"] == found
