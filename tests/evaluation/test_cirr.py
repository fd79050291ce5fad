"""CIRR in its official layout, made small; the answers are worked out by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.benchmarks.cirr import CirrBenchmark, cirr_benchmark
from models.errors import InputError
from tests.fakes import picture

NAMES = [f"dev-{each}-img0" for each in range(8)]
SET = NAMES[:6]


def pair(pairid: int, reference: int, target: int, caption: str = "make it red") -> dict[str, Any]:
    return {
        "pairid": pairid,
        "reference": NAMES[reference],
        "target_hard": NAMES[target],
        "target_soft": {NAMES[target]: 1.0},
        "caption": caption,
        "img_set": {"id": 1, "members": SET, "reference_rank": 0, "target_rank": 1},
    }


VAL = [pair(12060, 0, 1), pair(12062, 1, 2, "two of them"), pair(12081, 2, 5)]
TEST1 = [{key: entry[key] for key in entry if not key.startswith("target")} for entry in VAL]


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def annotated(folder: Path, val: object = VAL) -> Path:
    write(folder / "captions/cap.rc2.val.json", val)
    write(folder / "captions/cap.rc2.test1.json", TEST1)
    return folder


def with_gallery(folder: Path, pictures: str, listing: str = "image_splits") -> Path:
    paths = {name: f"./dev/{name}.png" for name in NAMES}
    write(folder / listing / "split.rc2.val.json", paths)
    (folder / pictures / "dev").mkdir(parents=True)
    for path in paths.values():
        picture("red").save(folder / pictures / path)
    return folder


def ranked(*order: int) -> list[str]:
    return [NAMES[each] for each in order]


@pytest.fixture
def benchmark(tmp_path: Path) -> CirrBenchmark:
    return cirr_benchmark(annotated(tmp_path))


def test_a_pair_is_asked_of_the_whole_gallery_and_of_its_set(benchmark: CirrBenchmark) -> None:
    recall, subset = benchmark.tasks
    assert (benchmark.name, benchmark.split) == ("cirr", "val")
    assert (recall.name, recall.depth, recall.gallery) == ("recall", 50, None)
    assert (subset.name, subset.depth) == ("recall_subset", 3)
    entire, within = recall.questions[1], subset.questions[1]
    assert entire.picture == within.picture == "dev-1-img0"
    assert entire.wordings == within.wordings == (("two of them",),)
    assert entire.relevant == within.relevant == {"dev-2-img0"}
    assert entire.ignored == {"dev-1-img0"} and entire.among is None
    assert within.among == tuple(ranked(0, 2, 3, 4, 5))


def test_both_recalls_are_counted_and_the_mean_that_papers_give_of_them(
    benchmark: CirrBenchmark,
) -> None:
    rankings = {
        # the target at 1; at 6; nowhere
        "recall": [ranked(1, 2), ranked(0, 3, 4, 5, 6, 2), ranked(0, 1, 3, 4)],
        # at 3; at 1; at 2
        "recall_subset": [ranked(2, 3, 1), ranked(2, 0, 3), ranked(0, 5, 1)],
    }
    third = pytest.approx(1 / 3)
    assert benchmark.metrics(rankings) == {
        "R@1": third,
        "R@5": third,
        "R@10": pytest.approx(2 / 3),
        "R@50": pytest.approx(2 / 3),
        "R_subset@1": third,
        "R_subset@2": pytest.approx(2 / 3),
        "R_subset@3": 1,
        "mean(R@5,R_subset@1)": third,
    }


def test_of_one_task_alone_come_its_own_metrics(benchmark: CirrBenchmark) -> None:
    subset = benchmark.metrics({"recall_subset": [ranked(1), ranked(2), ranked(5)]})
    assert subset == {"R_subset@1": 1, "R_subset@2": 1, "R_subset@3": 1}
    recall = benchmark.metrics({"recall": [ranked(1), ranked(2), ranked(5)]})
    assert recall == {"R@1": 1, "R@5": 1, "R@10": 1, "R@50": 1}
    assert benchmark.metrics({}) == {}


def test_the_figures_are_those_of_the_targets_ranks(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    pairs = []
    for pairid in range(60):
        reference, target = random.choice(6, size=2, replace=False).tolist()
        pairs.append(pair(pairid, reference, target))
    names = [*NAMES, *(f"other-{each}" for each in range(70))]
    entire, within = {}, {}
    for entry in pairs:
        order = [each for each in random.permutation(names) if each != entry["reference"]]
        entire[str(entry["pairid"])] = order[:50]
        within[str(entry["pairid"])] = [each for each in order if each in SET][:3]
    files = [
        write(tmp_path / "subset.json", {"version": "rc2", "metric": "recall_subset", **within}),
        write(tmp_path / "recall.json", {"version": "rc2", "metric": "recall", **entire}),
    ]
    benchmark = cirr_benchmark(annotated(tmp_path, pairs))
    metrics = benchmark.metrics(benchmark.read_predictions(files))

    def share(found: dict[str, list[str]], k: int) -> float:
        hits = [entry["target_hard"] in found[str(entry["pairid"])][:k] for entry in pairs]
        return float(np.mean(hits))

    expected = {f"R@{k}": share(entire, k) for k in (1, 5, 10, 50)}
    expected |= {f"R_subset@{k}": share(within, k) for k in (1, 2, 3)}
    expected["mean(R@5,R_subset@1)"] = (share(entire, 5) + share(within, 1)) / 2
    assert metrics == pytest.approx(expected, abs=1e-9)


def test_ready_made_rankings_count_as_they_stand(benchmark: CirrBenchmark) -> None:
    # a reference, or a picture from outside the set, takes up a rank
    subset = [ranked(0, 1), ranked(7, 2), ranked(5)]
    metrics = benchmark.metrics({"recall_subset": subset})
    assert metrics["R_subset@1"] == pytest.approx(1 / 3)
    assert metrics["R_subset@2"] == 1


def test_the_test_split_is_ranked_but_has_no_target_to_count(tmp_path: Path) -> None:
    benchmark = cirr_benchmark(annotated(tmp_path), "test1")
    recall, subset = benchmark.tasks
    assert recall.questions[0].relevant == subset.questions[0].relevant == frozenset()
    assert subset.questions[0].among == tuple(ranked(1, 2, 3, 4, 5))
    assert benchmark.metrics({"recall": [ranked(1), ranked(2), ranked(5)]}) == {}


@pytest.mark.parametrize("pictures", [".", "img_raw", "cirr/img_raw"])
def test_the_gallery_is_every_picture_of_the_split(tmp_path: Path, pictures: str) -> None:
    found = cirr_benchmark(with_gallery(annotated(tmp_path), pictures)).pictures()
    assert [each.key for each in found] == NAMES
    assert found[0].file == tmp_path / pictures / "dev/dev-0-img0.png"


def test_the_annotations_may_lie_in_a_folder_cirr_beside_the_pictures(tmp_path: Path) -> None:
    annotated(tmp_path / "cirr")
    with_gallery(tmp_path, ".", listing="cirr/image_splits")
    assert len(cirr_benchmark(tmp_path).pictures()) == 8


def test_a_picture_that_is_not_there_or_not_listed_is_named(
    tmp_path: Path, benchmark: CirrBenchmark
) -> None:
    with pytest.raises(InputError, match=r"has none of image_splits/split\.rc2\.val\.json"):
        benchmark.pictures()
    with_gallery(tmp_path, "img_raw")
    (tmp_path / "img_raw/dev/dev-3-img0.png").unlink()
    with pytest.raises(InputError, match=r"img_raw/dev/dev-3-img0\.png: named by the benchmark"):
        benchmark.pictures()
    listing = tmp_path / "image_splits/split.rc2.val.json"
    write(listing, {name: "x.png" for name in NAMES if name != "dev-4-img0"})
    with pytest.raises(InputError, match=r"val\.json, entry 0: 'members' names dev-4-img0"):
        benchmark.pictures()
    write(listing, {**dict.fromkeys(NAMES, "x.png"), "dev-1-img0": 3})
    with pytest.raises(InputError, match=r"split\.rc2\.val\.json: 'dev-1-img0' is a int"):
        benchmark.pictures()
    write(listing, NAMES)
    with pytest.raises(InputError, match=r"split\.rc2\.val\.json: expected an object"):
        benchmark.pictures()


@pytest.mark.parametrize("key", ["pairid", "reference", "target_hard", "caption", "img_set"])
def test_an_annotation_without_a_key_is_refused(tmp_path: Path, key: str) -> None:
    entries = [VAL[0], {name: value for name, value in VAL[1].items() if name != key}]
    with pytest.raises(InputError, match=rf"cap\.rc2\.val\.json, entry 1: has no '{key}'"):
        cirr_benchmark(annotated(tmp_path, entries))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("pairid", 12060, "entry 1: 'pairid' is 12060, as in entry 0"),
        ("pairid", "12062", "entry 1: 'pairid' is a str"),
        ("caption", ["two"], "entry 1: 'caption' is a list"),
        ("target_hard", "dev-1-img0", "entry 1: 'target_hard' is the reference"),
        ("target_hard", "dev-7-img0", "entry 1: 'target_hard' is 'dev-7-img0', which is not"),
        ("img_set", SET, "entry 1: 'img_set' is a list"),
        ("img_set", {"id": 1}, "entry 1: 'img_set': has no 'members'"),
        ("img_set", {"members": []}, "entry 1: 'img_set' 'members': 0 values"),
        ("img_set", {"members": [*SET, SET[0]]}, "'members': 'dev-0-img0' is there twice"),
        ("img_set", {"members": [1, 2]}, "'members': expected a list of str"),
    ],
)
def test_an_annotation_that_does_not_fit_is_refused(
    tmp_path: Path, key: str, value: object, said: str
) -> None:
    entries = [VAL[0], {**VAL[1], key: value}]
    with pytest.raises(InputError, match=r"captions/cap\.rc2\.val\.json") as refused:
        cirr_benchmark(annotated(tmp_path, entries))
    assert said in str(refused.value)


def test_a_split_that_is_not_one_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--split dev: expected one of val, test1, train"):
        cirr_benchmark(annotated(tmp_path), "dev")
    with pytest.raises(InputError, match=r"has none of captions/cap\.rc2\.train\.json, cirr/"):
        cirr_benchmark(tmp_path, "train")


def answered(metric: str, *rankings: list[str]) -> dict[str, Any]:
    ids = [str(entry["pairid"]) for entry in VAL]
    return {"version": "rc2", "metric": metric, **dict(zip(ids, rankings, strict=True))}


def test_one_of_the_two_files_may_be_missing(tmp_path: Path, benchmark: CirrBenchmark) -> None:
    content = answered("recall_subset", ["unknown", NAMES[1]], [], ranked(5))
    file = write(tmp_path / "subset.json", content)
    assert benchmark.read_predictions([file]) == {
        "recall_subset": [["unknown", "dev-1-img0"], [], ["dev-5-img0"]]
    }


def test_a_submission_is_the_two_files_that_it_reads_back_from(
    tmp_path: Path, benchmark: CirrBenchmark
) -> None:
    many = [f"dev-{each}" for each in range(60)]
    rankings = {
        "recall": [many, ranked(1), ranked(2)],
        "recall_subset": [ranked(1, 2, 3, 4), ranked(2), ranked(3)],
    }
    files = benchmark.submission(rankings)
    assert list(files) == ["_recall", "_recall_subset"]
    assert json.loads(files["_recall"]) == answered("recall", many[:50], ranked(1), ranked(2))
    assert json.loads(files["_recall_subset"]) == answered(
        "recall_subset", ranked(1, 2, 3), ranked(2), ranked(3)
    )
    written = []
    for suffix, text in files.items():
        written.append(tmp_path / f"submission{suffix}.json")
        written[-1].write_text(text)
    assert benchmark.read_predictions(written) == {
        "recall": [many[:50], ranked(1), ranked(2)],
        "recall_subset": [ranked(1, 2, 3), ranked(2), ranked(3)],
    }
    assert list(benchmark.submission({"recall": rankings["recall"]})) == ["_recall"]


GOOD = answered("recall", ranked(1), ranked(2), ranked(3))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({key: GOOD[key] for key in GOOD if key != "12062"}, "has no ranking for query '12062'"),
        ({**GOOD, "12063": ranked(1)}, "query '12063' is not in"),
        ({**GOOD, "12062": ranked(1, 2, 1)}, "query '12062': 'dev-1-img0' is there twice"),
        ({**GOOD, "12062": [1]}, "query '12062': expected a list of str"),
        ({**GOOD, "12062": "dev-1-img0"}, "query '12062': expected a list of str"),
        ({**GOOD, "version": "rc1"}, "'version' is 'rc1', expected 'rc2'"),
        ({**GOOD, "metric": "map"}, "'metric' is 'map', expected recall or recall_subset"),
        ({key: GOOD[key] for key in GOOD if key != "metric"}, "has no 'metric'"),
        ([ranked(1)], "expected an object"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(
    tmp_path: Path, benchmark: CirrBenchmark, content: object, said: str
) -> None:
    with pytest.raises(InputError, match=r"predictions\.json") as refused:
        benchmark.read_predictions([write(tmp_path / "predictions.json", content)])
    assert said in str(refused.value)


def test_two_files_of_one_metric_are_refused(tmp_path: Path, benchmark: CirrBenchmark) -> None:
    files = [write(tmp_path / name, GOOD) for name in ("one.json", "two.json")]
    with pytest.raises(InputError, match=r"two\.json: a second file whose 'metric' is 'recall'"):
        benchmark.read_predictions(files)
