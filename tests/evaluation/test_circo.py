"""CIRCO in its official layout, made small; the answers are worked out by hand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.benchmarks.circo import CircoBenchmark, circo_benchmark
from models.errors import InputError
from tests.fakes import picture

VAL: list[dict[str, Any]] = [
    {
        "reference_img_id": 1,
        "target_img_id": 2,
        "relative_caption": "is running",
        "shared_concept": "a dog",
        "gt_img_ids": [2, 3, 4],
        "id": 0,
        "semantic_aspects": ["addition", "viewpoint"],
    },
    {
        "reference_img_id": 2,
        "target_img_id": 5,
        "relative_caption": "has {two} of them",
        "shared_concept": "a cat",
        "gt_img_ids": [5],
        "id": 1,
        "semantic_aspects": ["addition"],
    },
    {
        "reference_img_id": 3,
        "target_img_id": 1,
        "relative_caption": "is empty",
        "shared_concept": "a bench",
        "gt_img_ids": [1, 2],
        "id": 2,
        "semantic_aspects": [],
    },
]
TRUTH = ("target_img_id", "gt_img_ids", "semantic_aspects")
TEST = [{key: value for key, value in entry.items() if key not in TRUTH} for entry in VAL]
LISTED = range(1, 7)


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def annotated(folder: Path, val: object = VAL) -> Path:
    write(folder / "annotations/val.json", val)
    write(folder / "annotations/test.json", TEST)
    return folder


def with_gallery(folder: Path, listing: str, pictures: str, ids: Sequence[object] = LISTED) -> Path:
    images = [{"id": each, "file_name": f"{each:0>12}.jpg", "width": 8} for each in ids]
    write(folder / listing / "image_info_unlabeled2017.json", {"images": images})
    (folder / pictures).mkdir(parents=True)
    for image in images:
        picture("red").save(folder / pictures / str(image["file_name"]))
    return folder


def changed(key: str, value: object) -> list[dict[str, Any]]:
    """The annotations with another value in the second entry."""
    return [VAL[0], {**VAL[1], key: value}, VAL[2]]


def official(
    annotations: Sequence[Mapping[str, Any]], predictions: Mapping[str, Sequence[int]]
) -> dict[str, float]:
    """The evaluation code's formulas: AP@k = sum over i <= k of precision(i) * hit(i), divided by
    min(ground truths, k)."""

    def ap(entry: Mapping[str, Any], k: int) -> float:
        hit = np.array([each in entry["gt_img_ids"] for each in predictions[str(entry["id"])][:k]])
        precision = [hit[: at + 1].mean() for at in range(len(hit))]
        return float(np.dot(precision, hit)) / min(len(entry["gt_img_ids"]), k)

    found = {f"mAP@{k}": np.mean([ap(entry, k) for entry in annotations]) for k in (5, 10, 25, 50)}
    for k in (5, 10, 25, 50):
        found[f"R@{k}"] = np.mean(
            [entry["target_img_id"] in predictions[str(entry["id"])][:k] for entry in annotations]
        )
    for aspect in {aspect for entry in annotations for aspect in entry["semantic_aspects"]}:
        found[f"semantic/{aspect}/mAP@10"] = np.mean(
            [ap(entry, 10) for entry in annotations if aspect in entry["semantic_aspects"]]
        )
    return {name: float(value) for name, value in found.items()}


def test_a_query_is_a_picture_and_the_sentence_that_magiclens_makes_of_its_texts(
    tmp_path: Path,
) -> None:
    benchmark = circo_benchmark(annotated(tmp_path))
    (task,) = benchmark.tasks
    assert (benchmark.name, benchmark.split) == ("circo", "val")
    assert (task.name, task.depth, task.gallery) == ("composed", 50, None)
    first, second, _ = task.questions
    assert first.picture == "1" and first.relevant == {"2", "3", "4"}
    assert first.wordings == (("find a dog but is running",),)
    assert first.ignored == frozenset() and first.among is None  # the reference stays
    assert second.wordings == (("find a cat but has {two} of them",),)


def test_the_relative_caption_alone_is_the_other_wording(tmp_path: Path) -> None:
    (task,) = circo_benchmark(annotated(tmp_path), wording="caption").tasks
    assert [question.wordings for question in task.questions] == [
        (("is running",),),
        (("has {two} of them",),),
        (("is empty",),),
    ]


def test_ground_truths_are_counted_by_map_and_the_target_alone_by_recall(tmp_path: Path) -> None:
    rankings = [
        ["1", "2", "9", "3", "6", "4"],  # hits at 2, 4 and 6 of three; target at 2
        ["1", "2", "3", "4", "6", "5"],  # a hit at 6 of one
        ["2", "9"],  # a hit at 1 of two; the target is missing
    ]
    metrics = circo_benchmark(annotated(tmp_path)).metrics({"composed": rankings})
    # the first: (1/2 + 2/4) / 3 within 5 and (1/2 + 2/4 + 3/6) / 3 within 10
    assert metrics["mAP@5"] == pytest.approx((1 / 3 + 0 + 1 / 2) / 3)
    assert metrics["mAP@10"] == pytest.approx((1 / 2 + 1 / 6 + 1 / 2) / 3)
    assert metrics["mAP@50"] == metrics["mAP@25"] == metrics["mAP@10"]
    assert metrics["R@5"] == pytest.approx(1 / 3)
    assert metrics["R@10"] == metrics["R@25"] == metrics["R@50"] == pytest.approx(2 / 3)
    assert metrics["semantic/addition/mAP@10"] == pytest.approx((1 / 2 + 1 / 6) / 2)
    assert metrics["semantic/viewpoint/mAP@10"] == pytest.approx(1 / 2)
    assert len(metrics) == 10


def test_more_ground_truths_than_k_are_not_held_against_a_ranking(tmp_path: Path) -> None:
    truths = list(range(10, 33))  # 23, the most that an official query has
    entry = {**VAL[0], "target_img_id": 10, "gt_img_ids": truths}
    benchmark = circo_benchmark(annotated(tmp_path, [entry]))
    metrics = benchmark.metrics({"composed": [[str(truth) for truth in truths[:6]]]})
    assert metrics["mAP@5"] == 1
    assert metrics["mAP@10"] == pytest.approx(6 / 10)
    assert metrics["mAP@25"] == metrics["mAP@50"] == pytest.approx(6 / 23)


def test_the_figures_are_those_of_the_official_formulas(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    aspects = ["cardinality", "addition", "negation", "direct_addressing"]
    annotations, predictions = [], {}
    for query in range(40):
        truths = random.choice(80, size=random.integers(1, 24), replace=False).tolist()
        annotations.append(
            {
                **VAL[0],
                "id": query,
                "target_img_id": truths[0],
                "gt_img_ids": truths,
                "semantic_aspects": [each for each in aspects if random.random() < 0.5],
            }
        )
        length = random.integers(1, 60)  # shorter and longer than 50
        predictions[str(query)] = random.permutation(80)[:length].tolist()
    benchmark = circo_benchmark(annotated(tmp_path, annotations))
    metrics = benchmark.metrics(benchmark.read_predictions([write(tmp_path / "p", predictions)]))
    expected = official(annotations, predictions)
    assert metrics.keys() == expected.keys()
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(value, abs=1e-9), name


def test_the_test_split_is_ranked_but_has_no_truth_to_count(tmp_path: Path) -> None:
    benchmark = circo_benchmark(annotated(tmp_path), "test")
    assert all(question.relevant == frozenset() for question in benchmark.tasks[0].questions)
    assert benchmark.metrics({"composed": [["1"], ["2"], ["3"]]}) == {}
    with_gallery(tmp_path, "annotations", "unlabeled2017")
    assert [each.key for each in benchmark.pictures()] == ["1", "2", "3", "4", "5", "6"]


def test_without_its_rankings_there_are_no_metrics(tmp_path: Path) -> None:
    assert circo_benchmark(annotated(tmp_path)).metrics({}) == {}


@pytest.mark.parametrize(
    ("listing", "pictures"),
    [
        ("COCO2017_unlabeled/annotations", "COCO2017_unlabeled/unlabeled2017"),
        ("annotations", "unlabeled2017"),
        (".", "images"),
    ],
)
def test_the_gallery_is_every_listed_picture(tmp_path: Path, listing: str, pictures: str) -> None:
    benchmark = circo_benchmark(with_gallery(annotated(tmp_path), listing, pictures))
    found = benchmark.pictures()
    assert [each.key for each in found] == ["1", "2", "3", "4", "5", "6"]
    assert found[0].file == tmp_path / pictures / "000000000001.jpg"


def test_a_picture_that_is_not_there_or_not_listed_is_named(tmp_path: Path) -> None:
    benchmark = circo_benchmark(annotated(tmp_path))
    with pytest.raises(InputError, match=r"has none of COCO2017_unlabeled/annotations/image_info"):
        benchmark.pictures()
    with_gallery(tmp_path, "annotations", "unlabeled2017", (1, 2, 3, 4, 6))
    with pytest.raises(InputError, match=r"val\.json, entry 1: 'target_img_id' names 5, which is"):
        benchmark.pictures()
    write(
        tmp_path / "annotations/image_info_unlabeled2017.json",
        {"images": [{"id": each, "file_name": f"{each:012d}.jpg"} for each in LISTED]},
    )
    with pytest.raises(InputError, match=r"000000000005\.jpg: named by the benchmark, but not"):
        benchmark.pictures()


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (
            [{"id": 1, "file_name": "1.jpg"}, {"id": 1, "file_name": "2.jpg"}],
            "id: 1 is there twice",
        ),
        ([{"id": 1}], "image 0: has no 'file_name'"),
        ([{"id": "1", "file_name": "1.jpg"}], "image 0: 'id' is a str"),
        ([], "'reference_img_id' names 1, which is not in"),
    ],
)
def test_a_list_of_pictures_that_does_not_fit_is_refused(
    tmp_path: Path, images: list[object], said: str
) -> None:
    benchmark = circo_benchmark(annotated(tmp_path))
    (tmp_path / "unlabeled2017").mkdir()
    write(tmp_path / "image_info_unlabeled2017.json", {"images": images})
    with pytest.raises(InputError, match=r"image_info_unlabeled2017\.json") as refused:
        benchmark.pictures()
    assert said in str(refused.value)


@pytest.mark.parametrize("key", [*VAL[0]])
def test_an_annotation_without_a_key_is_refused(tmp_path: Path, key: str) -> None:
    entries = [VAL[0], {name: value for name, value in VAL[1].items() if name != key}]
    with pytest.raises(InputError, match=rf"val\.json, entry 1: has no '{key}'"):
        circo_benchmark(annotated(tmp_path, entries))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("id", 0, "entry 1: 'id' is 0, as in entry 0"),
        ("id", True, "entry 1: 'id' is a bool"),
        ("reference_img_id", "2", "entry 1: 'reference_img_id' is a str"),
        ("relative_caption", None, "entry 1: 'relative_caption' is a NoneType"),
        ("gt_img_ids", [], "entry 1: 'gt_img_ids': 0 values"),
        ("gt_img_ids", [5, 5], "entry 1: 'gt_img_ids': 5 is there twice"),
        ("gt_img_ids", ["5"], "entry 1: 'gt_img_ids': expected a list of int"),
        ("semantic_aspects", "addition", "entry 1: 'semantic_aspects' is a str"),
        ("semantic_aspects", [3], "entry 1: 'semantic_aspects': expected a list of str"),
    ],
)
def test_an_annotation_that_does_not_fit_is_refused(
    tmp_path: Path, key: str, value: object, said: str
) -> None:
    with pytest.raises(InputError, match=r"annotations/val\.json") as refused:
        circo_benchmark(annotated(tmp_path, changed(key, value)))
    assert said in str(refused.value)


def test_annotations_that_are_no_list_or_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"val\.json: expected a list"):
        circo_benchmark(annotated(tmp_path, {"0": VAL[0]}))
    with pytest.raises(InputError, match=r"test\.json: cannot be read"):
        circo_benchmark(tmp_path / "elsewhere", "test")
    with pytest.raises(InputError, match="--split train: expected one of val, test"):
        circo_benchmark(tmp_path, "train")
    with pytest.raises(InputError, match="wording 'shout': expected magiclens or caption"):
        circo_benchmark(annotated(tmp_path), wording="shout")


def predicted(folder: Path, content: object) -> Path:
    return write(folder / "predictions.json", content)


@pytest.fixture
def benchmark(tmp_path: Path) -> CircoBenchmark:
    return circo_benchmark(annotated(tmp_path))


def test_predictions_are_read_in_the_order_of_the_queries(
    tmp_path: Path, benchmark: CircoBenchmark
) -> None:
    # ids that nobody knows stay; numbers may be written as strings; a ranking may be short
    file = predicted(tmp_path, {"2": [], "0": [2, 999999], "1": ["5", "0007"]})
    assert benchmark.read_predictions([file]) == {"composed": [["2", "999999"], ["5", "7"], []]}


def test_a_submission_reads_back_as_the_rankings_it_was_written_from(
    tmp_path: Path, benchmark: CircoBenchmark
) -> None:
    rankings = [["3", "1"], [str(each) for each in range(60)], ["2"]]
    (text,) = benchmark.submission({"composed": rankings}).values()
    assert json.loads(text) == {"0": [3, 1], "1": list(range(50)), "2": [2]}
    (tmp_path / "submission.json").write_text(text)
    read = benchmark.read_predictions([tmp_path / "submission.json"])
    assert read == {"composed": [["3", "1"], rankings[1][:50], ["2"]]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"0": [1], "1": [1]}, "has no ranking for query '2'"),
        ({"0": [1], "1": [1], "2": [1], "3": [1]}, "query '3' is not in"),
        ({"0": [1], "1": [4, 2, 4], "2": [1]}, "query '1': '4' is there twice"),
        ({"0": [1], "1": [4, "4"], "2": [1]}, "query '1': '4' is there twice"),
        ({"0": [1], "1": [4.0], "2": [1]}, "query '1': 4.0 is not an image id"),
        ({"0": [1], "1": [True], "2": [1]}, "query '1': True is not an image id"),
        ({"0": [1], "1": ["a4"], "2": [1]}, "query '1': 'a4' is not an image id"),
        ({"0": [1], "1": 4, "2": [1]}, "query '1': expected a list"),
        ([[1], [1], [1]], "expected an object"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(
    tmp_path: Path, benchmark: CircoBenchmark, content: object, said: str
) -> None:
    with pytest.raises(InputError, match=r"predictions\.json") as refused:
        benchmark.read_predictions([predicted(tmp_path, content)])
    assert said in str(refused.value)


def test_a_query_that_is_answered_twice_is_refused(
    tmp_path: Path, benchmark: CircoBenchmark
) -> None:
    file = tmp_path / "twice.json"
    file.write_text('{"0": [1], "1": [1], "2": [1], "1": [2]}')
    with pytest.raises(InputError, match=r"twice\.json: the key '1' is there twice"):
        benchmark.read_predictions([file])
    with pytest.raises(InputError, match="2 files of predictions"):
        benchmark.read_predictions([file, file])
