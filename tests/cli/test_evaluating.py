"""`pictor evaluate` as a person types it: a benchmark measured, rankings counted, files written."""

import json
from pathlib import Path

import pytest

from tests.cli.outcomes import Pictor, mistake
from tests.fakes import picture

NO_TRUTH = ("id", "reference_img_id", "relative_caption", "shared_concept")
COLOURS = ("red", "green", "blue", "yellow")


@pytest.fixture
def scenes(pictor: Pictor, tmp_path: Path) -> Path:
    folder = tmp_path / "scenes"
    assert pictor("scenes", "--seed", "4", "--count", "12", "--out", folder).code == 0
    return folder


@pytest.fixture
def circo(tmp_path: Path) -> Path:
    """Four pictures, two queries: 1 + ... -> 2, and 3 + ... -> 4 or 1."""
    data = tmp_path / "circo"
    (data / "annotations").mkdir(parents=True)
    (data / "unlabeled2017").mkdir()
    images = [{"id": at, "file_name": f"{at:012}.png"} for at in (1, 2, 3, 4)]
    for image, colour in zip(images, COLOURS, strict=True):
        picture(colour, (64, 64)).save(data / "unlabeled2017" / str(image["file_name"]))
    listing = {"images": images}
    (data / "annotations" / "image_info_unlabeled2017.json").write_text(json.dumps(listing))
    queries = [query(0, 1, [2]), query(1, 3, [4, 1])]
    (data / "annotations" / "val.json").write_text(json.dumps(queries))
    return data


def query(number: int, reference: int, truths: list[int]) -> dict[str, object]:
    return {
        "id": number,
        "reference_img_id": reference,
        "target_img_id": truths[0],
        "gt_img_ids": truths,
        "relative_caption": "is another colour",
        "shared_concept": "colour",
        "semantic_aspects": ["direct_addressing"],
    }


def test_a_benchmark_is_measured_and_reported_as_json(
    pictor: Pictor, scenes: Path, tmp_path: Path
) -> None:
    asked = ("evaluate", "scenes", "--data", scenes, "--cache", tmp_path / "cache")
    measured = pictor(*asked, "--json")
    report = json.loads(measured.out)
    assert 0 <= report["metrics"]["full/R@1"] <= report["metrics"]["full/R@10"] <= 1
    assert (report["benchmark"], report["model"], report["split"]) == ("scenes", "starter", None)
    assert report["space"].startswith("starter@") and report["composer"]
    assert report["counts"]["pictures"] == 12
    assert report["seconds"] > 0 and {"python", "torch", "pictor"} <= report["versions"].keys()
    assert "embedding 12 pictures" in measured.err
    again = pictor(*asked)
    assert "embedded before" in again.err
    assert f"full/R@1 {report['metrics']['full/R@1']:.4f}" in " ".join(again.out.split())


def test_ready_made_rankings_are_counted_without_a_model_or_a_picture(
    pictor: Pictor, circo: Path, tmp_path: Path
) -> None:
    for file in (circo / "unlabeled2017").iterdir():
        file.unlink()
    (circo / "annotations" / "image_info_unlabeled2017.json").unlink()
    rankings = tmp_path / "rankings.json"
    rankings.write_text(json.dumps({"0": [2, 9], "1": [3, 1, 4]}))
    counted = pictor(
        "evaluate",
        "circo",
        "--data",
        circo,
        "--predictions",
        rankings,
        "--json",
    )
    report = json.loads(counted.out)
    # 1 for the first; (1/2 + 2/3) / 2 for the second
    assert report["metrics"]["mAP@5"] == pytest.approx((1 + 7 / 12) / 2, abs=1e-12)
    assert report["metrics"]["semantic/direct_addressing/mAP@10"] == report["metrics"]["mAP@10"]
    assert report["model"] is None and report["counts"] == {"composed": 2}


def test_what_is_submitted_counts_as_what_was_measured(
    pictor: Pictor, circo: Path, tmp_path: Path
) -> None:
    file = tmp_path / "submission.json"
    asked = ("evaluate", "circo", "--data", circo, "--json")
    measured = pictor(*asked, "--cache", tmp_path / "cache", "--submission", file)
    ranked = json.loads(file.read_text())
    assert {key: sorted(ids) for key, ids in ranked.items()} == {
        "0": [1, 2, 3, 4],
        "1": [1, 2, 3, 4],
    }
    counted = pictor(*asked, "--predictions", file)
    assert json.loads(counted.out)["metrics"] == json.loads(measured.out)["metrics"]


@pytest.mark.parametrize(
    ("rankings", "named"),
    [
        ({"0": [2]}, "query '1'"),
        ({"0": [2], "1": [4, 4]}, "query '1'"),
        ({"0": [2], "1": [4], "7": [1]}, "query '7'"),
        ([], "expected an object"),
    ],
)
def test_rankings_that_do_not_fit_are_refused_by_query(
    pictor: Pictor, circo: Path, tmp_path: Path, rankings: object, named: str
) -> None:
    file = tmp_path / "rankings.json"
    file.write_text(json.dumps(rankings))
    said = mistake(pictor("evaluate", "circo", "--data", circo, "--predictions", file))
    assert named in said and str(file) in said


def test_a_benchmark_without_a_format_for_rankings_is_refused_before_anything_is_embedded(
    pictor: Pictor, scenes: Path, tmp_path: Path
) -> None:
    asked = ("evaluate", "scenes", "--data", scenes, "--cache", tmp_path / "cache")
    said = mistake(pictor(*asked, "--submission", tmp_path / "x.json"))
    assert "scenes: has no format for rankings" in said
    assert not (tmp_path / "cache").exists()


def test_an_option_of_another_benchmark_is_refused_with_those_there_are(
    pictor: Pictor, circo: Path
) -> None:
    asked = ("evaluate", "circo", "--data", circo)
    assert "wording" in mistake(pictor(*asked, "--option", "gallery=union"))
    assert "magiclens, caption" in mistake(pictor(*asked, "--option", "wording=mine"))
    assert "NAME=VALUE" in mistake(pictor(*asked, "--option", "wording"))


def test_the_benchmarks_are_listed(pictor: Pictor) -> None:
    listed = pictor("evaluate", "list").out
    assert {line.split()[0] for line in listed.splitlines()} >= {"captions", "circo", "collection"}
    assert "wording=magiclens|caption" in listed


@pytest.mark.parametrize(
    ("place", "named"),
    [("nowhere/x.json", "is not there"), (".", "is a folder"), ("folder", "is a folder")],
)
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_embedded(
    pictor: Pictor, circo: Path, tmp_path: Path, place: str, named: str
) -> None:
    (tmp_path / "folder").mkdir()
    asked = ("evaluate", "circo", "--data", circo, "--cache", tmp_path / "cache")
    file = place if place == "." else tmp_path / place
    assert named in mistake(pictor(*asked, "--submission", file))
    assert not (tmp_path / "cache").exists()


def test_what_would_be_ignored_is_refused(pictor: Pictor, circo: Path, tmp_path: Path) -> None:
    asked = ("evaluate", "circo", "--data", circo)
    for option in (("--submission", "x.json"), ("--composer", "sum"), ("--model", "starter")):
        said = mistake(pictor(*asked, "--predictions", tmp_path / "x.json", *option))
        assert f"{option[0]}: means nothing to --predictions" in said
    assert "means nothing to evaluate circo" in mistake(pictor(*asked, "--queries", "q.jsonl"))
    said = mistake(pictor("evaluate", "collection", tmp_path, "--split", "val"))
    assert "--split: means nothing to evaluate collection" in said
    captions = tmp_path / "captions.tsv"
    captions.write_text("file\tsplit\tcaption\nred.png\tval\tred\n")
    said = mistake(pictor("evaluate", "captions", "--data", tmp_path, "--composer", "sum"))
    assert "composes nothing" in said
    twice = ("--option", "wording=caption", "--option", "wording=magiclens")
    assert "wording: is there twice" in mistake(pictor(*asked, *twice))


def test_a_split_without_answers_is_there_to_be_submitted(
    pictor: Pictor, circo: Path, tmp_path: Path
) -> None:
    test = [{key: value for key, value in query(0, 1, [2]).items() if key in NO_TRUTH}]
    (circo / "annotations" / "test.json").write_text(json.dumps(test))
    asked = ("evaluate", "circo", "--data", circo, "--split", "test", "--cache", tmp_path / "cache")
    assert "give --submission" in mistake(pictor(*asked))
    assert pictor(*asked, "--submission", tmp_path / "test.json").code == 0
    assert list(json.loads((tmp_path / "test.json").read_text())) == ["0"]


def test_a_composer_that_there_is_not_is_refused_with_those_there_are(
    pictor: Pictor, circo: Path
) -> None:
    said = mistake(pictor("evaluate", "circo", "--data", circo, "--composer", "nope"))
    assert "sum" in said and "image and text" in said


def test_a_collection_of_ones_own_is_reported_on(
    pictor: Pictor, scenes: Path, tmp_path: Path
) -> None:
    collection = tmp_path / "collection"
    file = min(scenes.glob("*.png"))
    file.with_suffix(".txt").write_text("a red circle")
    assert pictor("index", scenes, "--out", collection).code == 0
    asked = ("evaluate", "collection", collection)
    queries = tmp_path / "queries.jsonl"
    queries.write_text(json.dumps({"image": str(file), "relevant": [file.name]}) + "\n")
    report = json.loads(pictor(*asked, "--queries", queries, "--json").out)
    assert report["metrics"]["image/R@1"] == 1
    assert report["metrics"]["index.text/R@10"] == 1
    assert report["counts"]["pictures"] == 12
    assert "Near-duplicates" in pictor(*asked).out


def test_a_collection_is_named_and_taken_by_nothing_else(pictor: Pictor, tmp_path: Path) -> None:
    assert "expected the collection's folder" in mistake(pictor("evaluate", "collection"))
    assert "nowhere" in mistake(pictor("evaluate", "collection", "nowhere"))
    said = mistake(pictor("evaluate", "captions", "somewhere", "--data", tmp_path))
    assert "only `pictor evaluate collection`" in said
