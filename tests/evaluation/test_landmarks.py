"""Landmarks as their benchmarks count them: what is ignored, what is skipped, and what a pickle may
hold."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.benchmark import Submittable
from evaluation.benchmarks.google_landmarks import GoogleLandmarksBenchmark
from evaluation.benchmarks.landmarks import RevisitedBenchmark, landmarks_benchmark
from evaluation.benchmarks.safe_pickle import read_plain_pickle
from models.errors import InputError
from tests.fakes import picture

GALLERY = ["a", "b", "c", "d", "e", "f"]
BOX = [1.5, 2.5, 20.6, 15.2]


def labelled(easy: object, hard: object, junk: object, box: object = BOX) -> dict[str, object]:
    return {"bbx": box, "easy": easy, "hard": hard, "junk": junk}


def revisited(
    data: Path, *entries: object, name: str = "roxford5k", protocol: int = 2, **other: object
) -> Path:
    """The official layout, without pictures."""
    queries = [f"query_{at}" for at in range(len(entries))]
    content = {"imlist": GALLERY, "qimlist": queries, "gnd": [*entries], **other}
    (data / name).mkdir(parents=True, exist_ok=True)
    file = data / name / f"gnd_{name}.pkl"
    file.write_bytes(pickle.dumps(content, protocol=protocol))
    return data


def opened(data: Path, split: str | None = None) -> RevisitedBenchmark:
    benchmark = landmarks_benchmark(data, split)
    assert isinstance(benchmark, RevisitedBenchmark)
    return benchmark


def test_what_is_ignored_leaves_the_ranking_before_it_is_counted(tmp_path: Path) -> None:
    benchmark = opened(revisited(tmp_path, labelled(easy=[0, 1], hard=[2], junk=[3])))
    metrics = benchmark.metrics({"image": [["d", "c", "e", "a", "f", "b"]]})
    # easy: d is junk and c hard, so e a f b; hits at ranks 2 and 4 of two: trapezoids
    # (0/1 + 1/2)/2 = 1/4 and (1/3 + 2/4)/2 = 5/12, each for one half of the recall
    assert metrics["easy/mAP"] == pytest.approx((1 / 4 + 5 / 12) / 2)
    # medium: c e a f b, hits at 1, 3, 5 of three: (1 + 1)/2, (1/2 + 2/3)/2, (2/4 + 3/5)/2
    assert metrics["medium/mAP"] == pytest.approx((1 + 7 / 12 + 11 / 20) / 3)
    # hard: c e f, found at once
    assert metrics["hard/mAP"] == 1
    assert metrics["easy/mP@1"] == 0
    assert metrics["medium/mP@1"] == 1
    # no precision is asked for below the last hit: min(5, 4) for easy, min(10, 1) for hard
    assert metrics["easy/mP@5"] == pytest.approx(2 / 4)
    assert metrics["medium/mP@5"] == pytest.approx(3 / 5)
    assert metrics["hard/mP@10"] == 1


def test_a_query_with_nothing_to_be_found_is_not_counted_in_that_protocol(tmp_path: Path) -> None:
    both, only_hard = labelled([0], [1], []), labelled([], [1], [0])
    benchmark = opened(revisited(tmp_path, both, only_hard))
    metrics = benchmark.metrics({"image": [["a", "b"], ["c", "a", "b"]]})
    # only the first query has an easy picture
    assert metrics["easy/mAP"] == 1
    # hard: b at rank 1 once a is ignored, and at rank 2 after c: (1 + (0/1 + 1/2)/2) / 2
    assert metrics["hard/mAP"] == pytest.approx((1 + 1 / 4) / 2)
    nothing_easy = opened(revisited(tmp_path, only_hard)).metrics({"image": [["b"]]})
    assert {name.split("/")[0] for name in nothing_easy} == {"medium", "hard"}
    assert benchmark.metrics({}) == {}


def published(
    ranks: NDArray[np.int64], positives: list[list[int]], junk: list[list[int]]
) -> tuple[float, list[float]]:
    """revisitop's compute_map in other words: ranks (gallery, queries) -> mAP, mP@1, 5, 10."""
    averages, precisions = [], []
    for query, wanted in enumerate(positives):
        if not wanted:
            continue
        column = ranks[:, query]
        is_hit, is_junk = np.isin(column, wanted), np.isin(column, junk[query])
        places = np.flatnonzero(is_hit) - np.cumsum(is_junk)[is_hit]  # from 0, junk removed
        found = np.arange(len(places))
        before = np.where(places == 0, 1.0, found / np.maximum(places, 1))
        averages.append(np.sum(before + (found + 1) / (places + 1)) / 2 / len(wanted))
        reached = [min(int(places[-1]) + 1, k) for k in (1, 5, 10)]
        precisions.append([np.sum(places + 1 <= k) / k for k in reached])
    return float(np.mean(averages)), [float(each) for each in np.mean(precisions, axis=0)]


def test_the_figures_are_those_of_the_published_evaluation(tmp_path: Path) -> None:
    generator = np.random.default_rng(7)
    names = [f"picture_{at:02}" for at in range(60)]
    parts = [np.split(generator.permutation(60), [6, 6 + at, 20 + at]) for at in range(12)]
    rows = [[part.tolist() for part in each[:3]] for each in parts]  # the first has nothing hard
    rows[1][0] = []
    ranks = np.stack([generator.permutation(60) for _ in rows], axis=1)
    entries = [labelled(*each) for each in rows]
    benchmark = opened(revisited(tmp_path, *entries, imlist=names))
    rankings = [[names[row] for row in ranks[:, query]] for query in range(len(rows))]
    metrics = benchmark.metrics({"image": rankings})
    protocols = {
        "easy": [(easy, junk + hard) for easy, hard, junk in rows],
        "medium": [(easy + hard, junk) for easy, hard, junk in rows],
        "hard": [(hard, junk + easy) for easy, hard, junk in rows],
    }
    for protocol, each in protocols.items():
        wanted, ignored = [pair[0] for pair in each], [pair[1] for pair in each]
        mean, precisions = published(ranks, wanted, ignored)
        assert metrics[f"{protocol}/mAP"] == pytest.approx(mean, abs=1e-12)
        for k, precision in zip((1, 5, 10), precisions, strict=True):
            assert metrics[f"{protocol}/mP@{k}"] == pytest.approx(precision, abs=1e-12)


def test_a_query_is_a_part_of_a_picture_that_is_not_in_the_gallery(tmp_path: Path) -> None:
    data = revisited(tmp_path, labelled([0], [1], [2]))
    benchmark = opened(data)
    (task,) = benchmark.tasks
    assert task.gallery == tuple(GALLERY)
    assert task.depth is None
    assert (task.questions[0].picture, task.questions[0].wordings) == ("query_0", ())
    jpg = data / "roxford5k" / "jpg"
    jpg.mkdir()
    for name in [*GALLERY, "query_0"]:
        picture("red").save(jpg / f"{name}.jpg")
    pictures = {each.key: each for each in benchmark.pictures()}
    assert pictures.keys() == {*GALLERY, "query_0"}
    assert pictures["a"].crop is None
    crop = pictures["query_0"].crop
    # edges are rounded as Pillow does, halves to the even number
    assert crop is not None and crop.box == (2, 2, 21, 15)
    assert crop.of(picture("red")).size == picture("red").crop(BOX).size  # type: ignore[arg-type]
    (jpg / "c.jpg").unlink()
    with pytest.raises(InputError, match=r"c\.jpg: named by the benchmark, but not there"):
        benchmark.pictures()


def test_the_split_is_oxford_where_it_is_there_unless_named(tmp_path: Path) -> None:
    revisited(tmp_path, labelled([0], [], []), name="rparis6k")
    assert opened(tmp_path).split == "rparis6k"
    revisited(tmp_path, labelled([0], [], []))
    assert opened(tmp_path).split == "roxford5k"
    assert opened(tmp_path, "rparis6k").split == "rparis6k"
    with pytest.raises(InputError, match=r"has none of retrieval_solution_v2\.1\.csv"):
        landmarks_benchmark(tmp_path, "gldv2")
    with pytest.raises(InputError, match="expected one of roxford5k, rparis6k, gldv2"):
        landmarks_benchmark(tmp_path, "oxford5k")
    with pytest.raises(InputError, match=r"has none of roxford5k/gnd_roxford5k\.pkl"):
        landmarks_benchmark(tmp_path / "roxford5k" / "jpg")


def test_the_ground_truth_may_lie_beside_its_pictures(tmp_path: Path) -> None:
    data = revisited(tmp_path, labelled([0], [], [])) / "roxford5k"
    assert opened(data).split == "roxford5k"


GOOD = labelled([0], [1], [2])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"bbx": BOX, "easy": [], "hard": []}, "'gnd' entry 1: has no 'junk'"),
        (GOOD | {"easy": "0"}, "'gnd' entry 1: 'easy' is a str"),
        (GOOD | {"easy": ["0"]}, "'gnd' entry 1, 'easy': expected a list of int"),
        (GOOD | {"hard": [6]}, "'gnd' entry 1: 6 is not a row of 'imlist'"),
        (GOOD | {"hard": [-1]}, "'gnd' entry 1: -1 is not a row of 'imlist'"),
        (GOOD | {"junk": [4, 4]}, "'gnd' entry 1, 'junk': 4 is there twice"),
        (GOOD | {"junk": [0]}, "'gnd' entry 1: 'easy', 'hard', 'junk': 0 is there twice"),
        (GOOD | {"bbx": [1, 2, 3]}, "'gnd' entry 1: 'bbx' is not four numbers"),
        (GOOD | {"bbx": [1, 2, 3, float("nan")]}, "'gnd' entry 1: 'bbx' is not four numbers"),
        (GOOD | {"bbx": [9, 2, 3, 4]}, r"'gnd' entry 1: 'bbx': a crop of \(9, 2, 3, 4\)"),
        ("nothing", "'gnd' entry 1: expected an object, got str"),
    ],
)
def test_ground_truth_that_does_not_fit_is_refused(
    tmp_path: Path, entry: object, message: str
) -> None:
    with pytest.raises(InputError, match=rf"gnd_roxford5k\.pkl: {message}"):
        opened(revisited(tmp_path, GOOD, entry))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"imlist": []}, "'imlist': 0 values"),
        ({"imlist": ["a", "a"]}, "'imlist': 'a' is there twice"),
        ({"imlist": ["a", "b", "query_0", "c"]}, "'query_0' is there twice"),
        ({"qimlist": ["one", "two"]}, "'gnd' has 1 entries for 2 names"),
        ({"gnd": None}, "'gnd' is a NoneType"),
    ],
)
def test_lists_that_do_not_fit_are_refused(
    tmp_path: Path, other: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=rf"gnd_roxford5k\.pkl: .*{message}"):
        opened(revisited(tmp_path, GOOD, **other))


class Hostile:
    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.made_by = (call, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.made_by


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_is_read_in_every_protocol(tmp_path: Path, protocol: int) -> None:
    shared = ["x"]
    data = {
        "texts": ["", "b\u00e9", "y" * 300],
        "numbers": [0, -1, 255, 256, 70_000, -(2**40), 1.5, True, False, None],
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "again": [shared, shared, {}, []],
    }
    file = tmp_path / "data.pkl"
    file.write_bytes(pickle.dumps(data, protocol))
    assert read_plain_pickle(file) == data


@pytest.mark.parametrize("protocol", range(5))
def test_numpys_numbers_are_read_as_numbers(tmp_path: Path, protocol: int) -> None:
    data = {
        "row": np.array([3, 1, 2]),
        "swapped": np.array([1.5, -2], dtype=">f4"),
        "empty": np.array([], dtype=np.int32),
        "one": np.float64(0.25),
        "whole": np.int64(-7),
    }
    file = tmp_path / "data.pkl"
    file.write_bytes(pickle.dumps(data, protocol))
    found = read_plain_pickle(file)
    assert found == {
        "row": [3, 1, 2],
        "swapped": [1.5, -2.0],
        "empty": [],
        "one": 0.25,
        "whole": -7,
    }
    assert type(found["whole"]) is int


def test_a_ground_truth_of_numpys_numbers_is_as_good(tmp_path: Path) -> None:
    entry = labelled(np.array([0]), np.array([], dtype=int), np.array([2]), np.array(BOX))
    assert opened(revisited(tmp_path, entry)).queries == (
        opened(revisited(tmp_path, labelled([0], [], [2]))).queries
    )


def test_nothing_that_a_pickle_names_is_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for protocol in range(6):
        with pytest.raises(InputError, match=r"names '(posix|os)\.mkdir'"):
            opened(revisited(tmp_path, Hostile(os.mkdir, str(trace)), protocol=protocol))
        assert not trace.exists()


def nested(levels: int) -> list[object]:
    inner: list[object] = []
    for _ in range(levels):
        inner = [inner, inner]  # as a tree it would have 2 ** levels leaves
    return inner


def endless() -> list[object]:
    inner: list[object] = []
    inner.append(inner)
    return inner


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (nested(200), "nested over 16 levels"),
        (endless(), "nested over 16 levels"),
        ([2**80], "an integer of more than 8 bytes"),
        ([b"bytes"], "holds a bytes|names '_codecs"),
        ([{1: 2}], "a key is a int"),
        ([np.zeros((2, 2))], "an array that is not one row"),
        ([np.array(["text"])], "an array of what is not a number"),
        ([np.ndarray], "holds a Name"),
        ([{1, 2}], "EMPTY_SET|names"),
    ],
)
def test_what_is_not_plain_data_is_refused(tmp_path: Path, data: object, message: str) -> None:
    file = tmp_path / "data.pkl"
    file.write_bytes(pickle.dumps(data, protocol=4))
    with pytest.raises(InputError, match=rf"data\.pkl: .*({message})"):
        read_plain_pickle(file)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        b"]" * 10 + b".",
        b"a.",
        b"e.",
        b"h\x05.",
        b"\x85.",
        b"](h.",
        b"}K\x01s.",
        b"](K\x01a.",
        b"NN\x93.",
        b"NNR.",
        b"NNb.",
        pickle.dumps([1]) + b"more",
        pickle.dumps(["x" * 50])[:-10],
    ],
)
def test_a_broken_pickle_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "data.pkl"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"data\.pkl: [^\n]+$"):
        read_plain_pickle(file)


def test_a_pickle_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "data.pkl"
    with file.open("wb") as sparse:
        sparse.truncate(64 * 2**20 + 1)
    with pytest.raises(InputError, match=r"data\.pkl: over 67108864 bytes"):
        read_plain_pickle(file)


SOLUTION = """id,images,Usage
aaa1,x001 x002,Public
aaa2,x003,Private
aaa3,x001,Private
aaa4,None,Ignored
"""


def google(data: Path, solution: str = SOLUTION) -> GoogleLandmarksBenchmark:
    (data / "retrieval_solution_v2.1.csv").write_text(solution)
    benchmark = landmarks_benchmark(data)
    assert isinstance(benchmark, GoogleLandmarksBenchmark)
    return benchmark


def test_google_landmarks_are_counted_by_usage(tmp_path: Path) -> None:
    benchmark = google(tmp_path)
    assert benchmark.split == "gldv2"
    public, private = benchmark.tasks
    assert [question.picture for question in private.questions] == ["aaa2", "aaa3"]
    rankings = {"public": [["x001", "?", "x002"]], "private": [["x001"], ["x002", "x001"]]}
    metrics = benchmark.metrics(rankings)
    # hits at ranks 1 and 3 of two
    assert metrics["public/mAP@100"] == pytest.approx((1 + 2 / 3) / 2)
    # nothing, and a hit at rank 2 of one
    assert metrics["private/mAP@100"] == pytest.approx((0 + 1 / 2) / 2)
    assert benchmark.metrics({"public": rankings["public"]}).keys() == {"public/mAP@100"}
    assert public.depth == 100


def published_map(predictions: dict[str, list[str]], solution: dict[str, list[str]]) -> float:
    """The landmark challenges' mean average precision in other words."""
    total = 0.0
    for query, relevant in solution.items():
        hits = np.isin(predictions[query][:100], relevant)
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        total += float(np.sum(precision[hits])) / min(len(relevant), 100)
    return total / len(solution)


def test_google_landmarks_figures_are_those_of_the_published_metric(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    index = [f"i{at:03}" for at in range(400)]
    solution = {
        f"query{at}": generator.permutation(index)[: generator.integers(1, 200)].tolist()
        for at in range(10)
    }
    rows = [f"{query},{' '.join(found)},Public" for query, found in solution.items()]
    benchmark = google(tmp_path, "\n".join(["id,images,Usage", *rows]) + "\n")
    predictions = {query: generator.permutation(index)[:130].tolist() for query in solution}
    metrics = benchmark.metrics({"public": [predictions[query] for query in solution]})
    assert metrics["public/mAP@100"] == pytest.approx(
        published_map(predictions, solution), abs=1e-12
    )


def test_google_landmarks_gallery_is_the_index_and_no_query_is_in_a_ranking(tmp_path: Path) -> None:
    benchmark = google(tmp_path)
    ids = ["x001", "x002", "x003", "y004"]
    (tmp_path / "index.csv").write_text("id\n" + "\n".join(ids) + "\n")
    for folder, names in (("index", ids), ("test", ["aaa1", "aaa2", "aaa3"])):
        for name in names:
            file = tmp_path / folder / name[0] / name[1] / name[2] / f"{name}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            picture("red").save(file)
    pictures = {each.key: each.file for each in benchmark.pictures()}
    assert pictures.keys() == {*ids, "aaa1", "aaa2", "aaa3"}
    assert pictures["y004"] == tmp_path / "index" / "y" / "0" / "0" / "y004.jpg"
    ignored = {question.ignored for task in benchmark.tasks for question in task.questions}
    assert ignored == {frozenset({"aaa1", "aaa2", "aaa3"})}
    (tmp_path / "index.csv").write_text("id\nx001\nx002\n")
    with pytest.raises(InputError, match=r"index\.csv: has no x003"):
        benchmark.pictures()


def test_a_submission_is_read_as_it_was_written(tmp_path: Path) -> None:
    benchmark = google(tmp_path)
    assert isinstance(benchmark, Submittable)
    rankings = {"public": [["x001", "x002"]], "private": [["x003"], []]}
    text = benchmark.submission(rankings)[""]
    assert text == "id,images\naaa1,x001 x002\naaa2,x003\naaa3,\n"
    file = tmp_path / "submission.csv"
    file.write_text(text + "aaa4,x001\n")
    assert benchmark.read_predictions([file]) == rankings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,images\naaa1,x001\n", "ranks nothing for the query aaa2"),
        ("id,images\naaa1,x\naaa1,y\n", "the query aaa1 is there twice"),
        ("id,images\naaa1,x x\n", "query aaa1: 'x' is there twice"),
        ("id,images\naaa1,x\naaa2,x\naaa3,x\nb,x\n", "b is not a query"),
        ("id,pictures\naaa1,x\n", "has no column 'images'"),
        ("id,images\naaa1\n", "line 2: fewer cells"),
    ],
)
def test_rankings_that_do_not_fit_are_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "submission.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=rf"submission\.csv.*{message}"):
        google(tmp_path).read_predictions([file])


@pytest.mark.parametrize(
    ("solution", "message"),
    [
        ("id,images\naaa1,x\n", "has no column 'Usage'"),
        ("id,images,Usage\naaa1,x,Open\n", "aaa1: 'Usage' is 'Open'"),
        ("id,images,Usage\naaa1,,Public\n", "aaa1: 'images': 0 values"),
        ("id,images,Usage\naaa1,x x,Public\n", "aaa1: 'images': 'x' is there twice"),
        ("id,images,Usage\naaa1,x,Public\naaa1,y,Private\n", "'id': 'aaa1' is there twice"),
        ("id,images,Usage\naaa1,None,Ignored\n", "neither Public nor Private"),
        ("id,images,Usage\n/etc,x,Public\n", "'id' is '/etc'"),
    ],
)
def test_a_solution_that_does_not_fit_is_refused(
    tmp_path: Path, solution: str, message: str
) -> None:
    with pytest.raises(InputError, match=rf"retrieval_solution_v2\.1\.csv.*{message}"):
        google(tmp_path, solution)
