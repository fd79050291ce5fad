"""FashionIQ: three categories, each with its own gallery, asked and counted as the papers do."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.benchmark import Question, Submittable
from evaluation.benchmarks.fashioniq import CATEGORIES, FashionIQBenchmark, fashioniq_benchmark
from models.errors import InputError
from tests.fakes import picture

Entry = dict[str, Any]


def query(candidate: str, target: str | None, *captions: str) -> Entry:
    asked: Entry = {"candidate": candidate, "captions": list(captions or ("is red", "is long"))}
    return asked if target is None else {"target": target, **asked}


DRESSES = [
    query("D1", "D2", "Is shorter.", " has sleeves"),
    query("D1", "D3", "is red", "is long"),
    query("D1", "D4", "is red", "is long"),  # asks the same, and means another
]
ENTRIES = {"dress": DRESSES, "shirt": [query("S1", "S2")], "toptee": [query("T1", "T2")]}
LISTS = {
    "dress": ["D1", "D2", "D3", "D4", "D5"],
    "shirt": ["S1", "S2", "S3"],
    "toptee": ["T1", "T2", "S3"],  # one that is in two lists
}


def laid_out(
    data: Path,
    entries: dict[str, list[Entry]] | None = None,
    lists: dict[str, list[str]] | None = None,
    split: str = "val",
) -> Path:
    for folder in ("captions", "image_splits", "images"):
        (data / folder).mkdir(parents=True)
    for category, each in (ENTRIES if entries is None else entries).items():
        (data / "captions" / f"cap.{category}.{split}.json").write_text(json.dumps(each))
    for category, names in (LISTS if lists is None else lists).items():
        (data / "image_splits" / f"split.{category}.{split}.json").write_text(json.dumps(names))
        for name in names:
            picture("red").save(data / "images" / f"{name}.png")
    return data


def with_dresses(data: Path, *entries: Entry) -> Path:
    return laid_out(data, ENTRIES | {"dress": list(entries)})


def file_of(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def ranked(entries: list[Entry], *rankings: list[str]) -> list[Entry]:
    return [{**entry, "ranking": ranking} for entry, ranking in zip(entries, rankings, strict=True)]


def test_a_category_is_asked_over_its_own_list(tmp_path: Path) -> None:
    benchmark = fashioniq_benchmark(laid_out(tmp_path))
    assert (benchmark.split, [task.name for task in benchmark.tasks]) == ("val", list(CATEGORIES))
    dress = benchmark.tasks[0]
    assert (dress.gallery, dress.depth) == (("D1", "D2", "D3", "D4", "D5"), 50)
    # the captions as they are, and the candidate stays in the ranking
    assert dress.questions[0] == Question(
        frozenset({"D2"}), wordings=(("Is shorter. and  has sleeves",),), picture="D1"
    )


def test_averaged_captions_are_stripped_and_joined_in_both_orders(tmp_path: Path) -> None:
    benchmark = fashioniq_benchmark(laid_out(tmp_path), captions="averaged")
    assert benchmark.tasks[0].questions[0].wordings == (
        ("Is shorter and has sleeves",),
        ("has sleeves and Is shorter",),
    )


def test_the_union_is_of_candidates_and_targets_and_loses_the_candidate(tmp_path: Path) -> None:
    dress, *_ = fashioniq_benchmark(laid_out(tmp_path), gallery="union").tasks
    assert dress.gallery == ("D1", "D2", "D3", "D4")
    assert {question.ignored for question in dress.questions} == {frozenset({"D1"})}


def test_pictures_are_those_of_lists_and_candidates_each_once(tmp_path: Path) -> None:
    data = laid_out(tmp_path)
    (data / "images" / "D5.png").rename(data / "images" / "D5.jpg")
    pictures = {each.key: each.file.name for each in fashioniq_benchmark(data).pictures()}
    assert sorted(pictures) == ["D1", "D2", "D3", "D4", "D5", "S1", "S2", "S3", "T1", "T2"]
    assert (pictures["D5"], pictures["D4"]) == ("D5.jpg", "D4.png")


def test_a_candidate_outside_its_list_is_a_picture_all_the_same(tmp_path: Path) -> None:
    data = with_dresses(tmp_path, query("S1", "D2"), query("X1", "D2"))
    picture("blue").save(data / "images" / "X1.jpg")
    assert "X1" in {each.key for each in fashioniq_benchmark(data).pictures()}


def test_pictures_may_lie_in_image_data(tmp_path: Path) -> None:
    data = laid_out(tmp_path)
    (data / "images").rename(data / "image_data")
    assert len(fashioniq_benchmark(data).pictures()) == 10


def test_a_picture_that_is_not_there_is_named(tmp_path: Path) -> None:
    data = laid_out(tmp_path)
    (data / "images" / "T2.png").unlink()
    with pytest.raises(InputError, match=r"images/T2\.jpg: named by the benchmark, but not there"):
        fashioniq_benchmark(data).pictures()


def test_recall_is_by_category_and_its_mean_over_categories(tmp_path: Path) -> None:
    benchmark = fashioniq_benchmark(laid_out(tmp_path))
    others = [f"x{rank}" for rank in range(60)]
    metrics = benchmark.metrics(
        {
            # ranks 10, 11, and not there
            "dress": [[*others[:9], "D2"], [*others[:10], "D3"], others],
            "shirt": [["S1", "S2"]],  # the candidate first
            "toptee": [[*others[:50], "T2"]],  # rank 51
        }
    )
    assert metrics == pytest.approx(
        {
            "dress/R@10": 1 / 3,
            "dress/R@50": 2 / 3,
            "shirt/R@10": 1,
            "shirt/R@50": 1,
            "toptee/R@10": 0,
            "toptee/R@50": 0,
            "mean/R@10": (1 / 3 + 1 + 0) / 3,
            "mean/R@50": (2 / 3 + 1 + 0) / 3,
        }
    )


def test_without_all_categories_there_is_no_mean(tmp_path: Path) -> None:
    benchmark = fashioniq_benchmark(laid_out(tmp_path))
    assert benchmark.metrics({"shirt": [["S2"]]}) == {"shirt/R@10": 1, "shirt/R@50": 1}


def test_in_the_union_the_candidate_takes_no_rank(tmp_path: Path) -> None:
    others = [f"x{rank}" for rank in range(9)]
    rankings = {"shirt": [["S1", *others, "S2"]]}  # rank 11, or 10 without the candidate
    data = laid_out(tmp_path)
    assert fashioniq_benchmark(data).metrics(rankings)["shirt/R@10"] == 0
    assert fashioniq_benchmark(data, gallery="union").metrics(rankings)["shirt/R@10"] == 1


def test_recall_is_the_published_label_matrix(tmp_path: Path) -> None:
    """Rows are queries' rankings of a whole gallery, the candidate in it; a label is a target."""
    names = [f"D{at}" for at in range(80)]
    entries = [query(names[at], names[-at - 1], str(at), "") for at in range(23)]
    benchmark = fashioniq_benchmark(
        laid_out(tmp_path, ENTRIES | {"dress": entries}, LISTS | {"dress": names})
    )
    rng = np.random.default_rng(3)
    ranking = np.stack([rng.permutation(names) for _ in entries])
    labels = ranking == np.array([[entry["target"]] for entry in entries])
    metrics = benchmark.metrics({"dress": [[str(name) for name in row] for row in ranking]})
    for k in (10, 50):
        assert metrics[f"dress/R@{k}"] == pytest.approx(labels[:, :k].sum() / 23, abs=1e-12)
        # shorter rankings lose what they do not hold
        cut = benchmark.metrics({"dress": [[str(name) for name in row[:20]] for row in ranking]})
        assert cut[f"dress/R@{k}"] == pytest.approx(labels[:, : min(k, 20)].sum() / 23, abs=1e-12)


def benchmark_without_lists(data: Path) -> FashionIQBenchmark:
    return fashioniq_benchmark(laid_out(data, lists={}))


DRESS_RANKINGS = (["D2", "D5"], ["D3"], ["D5", "D4", "nobody's"])


def test_predictions_are_read_without_lists_and_pictures(tmp_path: Path) -> None:
    benchmark = benchmark_without_lists(tmp_path)
    assert isinstance(benchmark, Submittable)
    dress = file_of(tmp_path / "dress.predict.json", ranked(DRESSES, *DRESS_RANKINGS))
    assert benchmark.read_predictions([dress]) == {"dress": list(DRESS_RANKINGS)}
    with pytest.raises(InputError, match=r"split\.dress\.val\.json: cannot be read"):
        benchmark.pictures()


def test_predictions_come_in_a_file_a_category_or_in_one(tmp_path: Path) -> None:
    benchmark = benchmark_without_lists(tmp_path)
    parts = {
        "dress": ranked(DRESSES, *DRESS_RANKINGS),
        "shirt": ranked(ENTRIES["shirt"], ["S1", "S2"]),
        "toptee": ranked(ENTRIES["toptee"], []),
    }
    files = [file_of(tmp_path / f"{name}.json", part) for name, part in reversed(parts.items())]
    expected = {
        "dress": list(DRESS_RANKINGS),
        "shirt": [["S1", "S2"]],
        "toptee": [[]],
    }
    assert benchmark.read_predictions(files) == expected
    together = file_of(tmp_path / "all.json", sum(parts.values(), start=list[Entry]()))
    assert benchmark.read_predictions([together]) == expected


def test_predictions_need_not_be_in_the_annotations_order(tmp_path: Path) -> None:
    benchmark = benchmark_without_lists(tmp_path)
    shuffled = file_of(tmp_path / "all.json", ranked(DRESSES, *DRESS_RANKINGS)[::-1])
    assert benchmark.read_predictions([shuffled]) == {"dress": list(DRESS_RANKINGS)}


def test_of_queries_that_ask_the_same_without_a_target_the_order_tells(tmp_path: Path) -> None:
    benchmark = benchmark_without_lists(tmp_path)
    entries = [query(each["candidate"], None, *each["captions"]) for each in DRESSES]
    file = file_of(tmp_path / "dress.json", ranked(entries, *DRESS_RANKINGS))
    assert benchmark.read_predictions([file]) == {"dress": list(DRESS_RANKINGS)}


def test_a_file_of_one_category_is_not_taken_for_another_that_asks_the_same(
    tmp_path: Path,
) -> None:
    entries = ENTRIES | {"toptee": [query("S1", "T2"), query("S2", "T1")]}
    benchmark = fashioniq_benchmark(laid_out(tmp_path, entries))
    asked = [query("S1", None), query("S2", None)]
    file = file_of(tmp_path / "toptee.json", ranked(asked, ["T2"], ["T1"]))
    assert benchmark.read_predictions([file]) == {"toptee": [["T2"], ["T1"]]}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (ranked(DRESSES[:2], [], []), r"predicted\.json: dress: no ranking for D1 with 'is red'"),
        (ranked([*DRESSES, DRESSES[0]], *[["D2"]] * 4), r"entry 3: D1 .*: this query is there tw"),
        (ranked([query("D2", None)], []), r"entry 0: D2 .*: not a query of the val split"),
        (ranked([query("S1", "S3")], []), r"entry 0: S1 .*: not a query of the val split"),
        (ranked(ENTRIES["shirt"], ["a", "b", "a"]), r"entry 0, 'ranking': 'a' is there twice"),
        ([query("S1", None)], r"entry 0: has no 'ranking'"),
        ([query("S1", None, "one") | {"ranking": []}], r"entry 0: 'captions' is \['one'\]"),
        ([], r"predicted\.json: expected a list of entries"),
    ],
)
def test_predictions_that_do_not_fit_are_named(
    tmp_path: Path, entries: list[Entry], said: str
) -> None:
    benchmark = benchmark_without_lists(tmp_path)
    file = file_of(tmp_path / "predicted.json", entries)
    with pytest.raises(InputError, match=said):
        benchmark.read_predictions([file])


def test_a_submission_holds_fifty_names_a_query_and_is_read_back(tmp_path: Path) -> None:
    benchmark = benchmark_without_lists(tmp_path)
    long = [f"x{rank}" for rank in range(60)]
    written = benchmark.submission({"dress": [long, ["D3"], []], "shirt": [["S2"]]})
    assert list(written) == ["_dress", "_shirt"]
    dress = json.loads(written["_dress"])
    assert dress[0] == {**DRESSES[0], "ranking": long[:50]}
    files = [file_of(tmp_path / f"{name}.json", json.loads(text)) for name, text in written.items()]
    assert benchmark.read_predictions(files) == {
        "dress": [long[:50], ["D3"], []],
        "shirt": [["S2"]],
    }


def test_the_test_split_is_submitted_and_not_counted(tmp_path: Path) -> None:
    entries = {category: [query(f"{category}1", None)] for category in CATEGORIES}
    lists = {category: [f"{category}1", f"{category}2"] for category in CATEGORIES}
    data = laid_out(tmp_path, entries, lists, split="test")
    benchmark = fashioniq_benchmark(data, "test")
    rankings = {category: [[f"{category}2"]] for category in CATEGORIES}
    assert json.loads(benchmark.submission(rankings)["_shirt"]) == [
        {"candidate": "shirt1", "captions": ["is red", "is long"], "ranking": ["shirt2"]}
    ]
    assert benchmark.metrics(rankings) == {}
    assert len(benchmark.pictures()) == 6
    with pytest.raises(InputError, match=r"gallery=union: the test split names no targets"):
        fashioniq_benchmark(data, "test", gallery="union")


def test_a_split_that_is_not_there_is_refused(tmp_path: Path) -> None:
    data = laid_out(tmp_path)
    with pytest.raises(InputError, match=r"--split dev: expected one of val, test, train"):
        fashioniq_benchmark(data, "dev")
    with pytest.raises(InputError, match=r"cap\.dress\.train\.json: cannot be read"):
        fashioniq_benchmark(data, "train")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"target": "D2", "captions": ["a", "b"]}, r"entry 1: has no 'candidate'"),
        (query("D1", None), r"entry 1: has no 'target'"),
        (query("D1", "D2") | {"target": 2}, r"entry 1: 'target' is a int"),
        (query("D1", "D2") | {"captions": "a"}, r"entry 1: 'captions' is a str"),
        (query("D1", "D2", "a", "b", "c"), r"entry 1: 'captions' is \['a', 'b', 'c'\], expected"),
        (query("D1", "D2") | {"captions": ["a", 2]}, r"entry 1: 'captions' is \['a', 2\], expect"),
        (query("D1", "S2"), r"entry 1: 'target' 'S2' is not in .*split\.dress\.val\.json"),
    ],
)
def test_annotations_that_do_not_fit_are_named(tmp_path: Path, entry: Entry, said: str) -> None:
    data = with_dresses(tmp_path, DRESSES[0], entry)
    with pytest.raises(InputError, match=r"cap\.dress\.val\.json, " + said):
        fashioniq_benchmark(data)


def test_a_list_that_names_a_picture_twice_is_refused(tmp_path: Path) -> None:
    data = laid_out(tmp_path, lists=LISTS | {"shirt": ["S1", "S2", "S1"]})
    with pytest.raises(InputError, match=r"split\.shirt\.val\.json: 'S1' is there twice"):
        fashioniq_benchmark(data)


def test_two_captions_may_be_the_same_or_say_nothing(tmp_path: Path) -> None:
    data = with_dresses(tmp_path, query("D1", "D2", "is red", "is red"), query("D1", "D3", "", "x"))
    first, second = fashioniq_benchmark(data).tasks[0].questions
    assert (first.wordings, second.wordings) == ((("is red and is red",),), ((" and x",),))
