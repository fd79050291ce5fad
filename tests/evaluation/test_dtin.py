"""Domain transfer ImageNet: Pic2Word's lists, and both of the published ways to count."""

from pathlib import Path

import numpy as np
import pytest

from evaluation.benchmark import Question, listed_file
from evaluation.benchmarks.dtin import dtin_benchmark
from models.errors import InputError
from tests.fakes import picture

REAL = "imgnet/real/n{:08}/ILSVRC2012_val_{:08}.JPEG"
DRAWN = "imgnet/imagenet-r/n{:08}/{}_{}.jpg"
DOG, CAT = 2, 14

# a target's label is 1000 x its domain + its class; the photographs are the seventh thousand
TARGETS = {
    DRAWN.format(DOG, "cartoon", 0): DOG,
    DRAWN.format(DOG, "cartoon", 1): DOG,
    DRAWN.format(CAT, "cartoon", 0): CAT,
    DRAWN.format(CAT, "origami", 0): 1000 + CAT,
    DRAWN.format(DOG, "toy", 0): 2000 + DOG,
    DRAWN.format(DOG, "sculpture", 0): 3000 + DOG,
    REAL.format(DOG, 7): 6000 + DOG,
    REAL.format(CAT, 8): 6000 + CAT,
}
QUERIES = {REAL.format(DOG, 7): DOG, REAL.format(CAT, 8): CAT}
DRAWN_DOGS = [DRAWN.format(DOG, "cartoon", at) for at in (0, 1)]
DRAWN_CAT = DRAWN.format(CAT, "cartoon", 0)


def lists(
    data: Path, queries: dict[str, int] | None = None, targets: dict[str, int] | None = None
) -> Path:
    """As published: a path, a label and a blank a line."""
    data.mkdir(parents=True, exist_ok=True)
    for name, listed in (("real_query", queries or QUERIES), ("targets", targets or TARGETS)):
        lines = [f"{path} {label} \n" for path, label in listed.items()]
        (data / f"imgnet_{name}.txt").write_text("".join(lines))
    return data


def test_a_photograph_is_asked_for_in_a_domain(tmp_path: Path) -> None:
    cartoon, origami, toy, sculpture = dtin_benchmark(lists(tmp_path)).tasks
    dog, cat = cartoon.questions
    assert dog == Question(
        frozenset(DRAWN_DOGS),
        wordings=(("find this object in cartoon",),),
        picture=REAL.format(DOG, 7),
    )
    assert cat.relevant == {DRAWN_CAT}
    # of dogs there is no origami, and of cats neither toy nor sculpture
    assert [len(each.questions) for each in (origami, toy, sculpture)] == [1, 1, 1]
    assert (cartoon.name, cartoon.depth) == ("cartoon", 50)
    assert sculpture.questions[0].wordings == (("find this object in sculpture",),)


def test_the_gallery_is_the_targets_with_the_photographs_among_them(tmp_path: Path) -> None:
    benchmark = dtin_benchmark(lists(tmp_path))
    assert benchmark.files == tuple(TARGETS)
    # all of the benchmark's pictures, as the queries are targets
    assert {task.gallery for task in benchmark.tasks} == {None}
    other = {REAL.format(DOG, 9): DOG}
    benchmark = dtin_benchmark(lists(tmp_path, queries=other))
    assert benchmark.files == (*TARGETS, REAL.format(DOG, 9))
    assert {task.gallery for task in benchmark.tasks} == {tuple(TARGETS)}


def test_both_ways_to_count_are_named_apart(tmp_path: Path) -> None:
    benchmark = dtin_benchmark(lists(tmp_path))
    others = [f"other {at}" for at in range(20)]
    ranked = [[DRAWN_CAT, DRAWN_DOGS[1], *others, DRAWN_DOGS[0]], [*others, DRAWN_CAT]]
    metrics = benchmark.metrics({"cartoon": ranked})
    # among the first ten: a dog of two, and not the cat; all among the first fifty
    assert metrics == {
        "cartoon/R@10": pytest.approx(1 / 2),
        "cartoon/R_share@10": pytest.approx((1 / 2 + 0) / 2),
        "cartoon/R@50": 1,
        "cartoon/R_share@50": 1,
    }
    assert benchmark.metrics({}) == {}


def test_a_query_without_an_answer_in_a_domain_is_a_miss(tmp_path: Path) -> None:
    benchmark = dtin_benchmark(lists(tmp_path))
    found = {
        task.name: [sorted(each.relevant) for each in task.questions] for task in benchmark.tasks
    }
    metrics = benchmark.metrics(found)
    assert metrics["cartoon/R_share@10"] == 1
    # one of two queries has an answer, and it is found
    for domain in ("origami", "toy", "sculpture"):
        assert metrics[f"{domain}/R@10"] == metrics[f"{domain}/R_share@50"] == pytest.approx(1 / 2)
    assert metrics["mean/R@10"] == metrics["mean/R_share@10"] == pytest.approx((1 + 3 / 2) / 4)


def published(
    similar: np.ndarray, queries: np.ndarray, targets: np.ndarray, k: int
) -> tuple[float, float]:
    """Pic2Word's count and MagicLens's, over labels: (any, share)."""
    top = np.argsort(-similar, axis=1)[:, :k]
    right = targets[top] == queries[:, None]
    relevant = np.sum(targets[None, :] == queries[:, None], axis=1)
    return float(np.mean(right.any(axis=1))), float(np.mean(right.sum(axis=1) / (relevant + 1e-5)))


@pytest.mark.parametrize("seed", range(5))
def test_the_figures_are_those_of_the_published_evaluations(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice([0, 1000, 2000, 3000, 6000], size=150) + rng.integers(0, 5, 150)
    targets = {f"imgnet/{at}.jpg": int(label) for at, label in enumerate(labels)}
    classes = np.repeat(np.arange(6), 4)  # the sixth has no picture anywhere
    queries = {f"imgnet/query_{at}.jpg": int(each) for at, each in enumerate(classes)}
    benchmark = dtin_benchmark(lists(tmp_path, queries, targets))
    names, rows = list(targets), {name: at for at, name in enumerate(queries)}
    for at, task in enumerate(benchmark.tasks):
        similar = rng.random((len(queries), len(targets)))
        ranked = [
            [names[found] for found in np.argsort(-similar[rows[str(question.picture)]])]
            for question in task.questions
        ]
        metrics = benchmark.metrics({task.name: ranked})
        for k in (10, 50):
            any_of, share = published(similar, classes + 1000 * at, labels, k)
            assert metrics[f"{task.name}/R@{k}"] == pytest.approx(any_of, abs=1e-12)
            # but for the 1e-5 beside the number of relevant pictures
            assert metrics[f"{task.name}/R_share@{k}"] == pytest.approx(share, abs=1e-5)


def test_a_domain_without_an_answer_is_not_asked_for(tmp_path: Path) -> None:
    only = {path: label for path, label in TARGETS.items() if "toy" in path or "real" in path}
    benchmark = dtin_benchmark(lists(tmp_path, targets=only))
    assert [task.name for task in benchmark.tasks] == ["toy"]
    found = benchmark.metrics({"toy": [[DRAWN.format(DOG, "toy", 0)]]})
    assert found["mean/R@10"] == found["toy/R@10"] == pytest.approx(1 / 2)
    reals = {path: label for path, label in TARGETS.items() if "real" in path}
    with pytest.raises(InputError, match=r"imgnet_targets\.txt: has no answer to any query"):
        dtin_benchmark(lists(tmp_path, targets=reals))


@pytest.mark.parametrize("lists_in", [".", "imgnet", "dtin"])
@pytest.mark.parametrize("without", ["", "imgnet/"])
def test_pictures_are_found_below_the_data(tmp_path: Path, lists_in: str, without: str) -> None:
    lists(tmp_path / lists_in)
    for file in TARGETS:
        place = tmp_path / file.removeprefix(without)
        place.parent.mkdir(parents=True, exist_ok=True)
        picture("red").save(place, format="JPEG")
    pictures = {each.key: each.file for each in dtin_benchmark(tmp_path).pictures()}
    assert pictures == {file: tmp_path / file.removeprefix(without) for file in TARGETS}
    pictures[DRAWN_CAT].unlink()
    with pytest.raises(InputError, match=r"cartoon_0\.jpg: named by the benchmark, but not there"):
        dtin_benchmark(tmp_path).pictures()


def test_paths_of_another_machine_are_found_by_their_ends(tmp_path: Path) -> None:
    place = tmp_path / "val" / "n1" / "x.JPEG"
    place.parent.mkdir(parents=True)
    place.touch()
    (tmp_path / "x.JPEG").touch()
    assert listed_file(tmp_path, "/sets/imagenet/val/n1/x.JPEG") == place
    # the same name in another class is another picture
    missing = listed_file(tmp_path, "/sets/imagenet/val/n2/x.JPEG")
    assert missing == tmp_path / "sets/imagenet/val/n2/x.JPEG"
    assert listed_file(tmp_path, "x.JPEG") == tmp_path / "x.JPEG"


@pytest.mark.parametrize("name", ["imgnet_real_query.txt", "imgnet_targets.txt"])
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("imgnet/a.jpg", "line 2: expected a path and a label"),
        ("imgnet/a.jpg toy", "line 2: expected a path and a label"),
        ("imgnet/a.jpg -1", "line 2: expected a path and a label"),
        ("imgnet/a b.jpg 1", "line 2: expected a path and a label"),
        ("", "line 2: expected a path and a label"),
        ("imgnet/a.jpg 7000", "line 2: the label 7000, expected one below"),
        ("imgnet/first.jpg 2", "line 2: 'imgnet/first.jpg' is there twice"),
    ],
)
def test_a_line_that_does_not_fit_is_named(
    tmp_path: Path, name: str, line: str, message: str
) -> None:
    lists(tmp_path)
    (tmp_path / name).write_text(f"imgnet/first.jpg 2 \n{line}\nimgnet/last.jpg 2 \n")
    with pytest.raises(InputError, match=rf"{name}, {message}"):
        dtin_benchmark(tmp_path)


def test_a_querys_label_is_its_class_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1: the label 1002, expected one below 1000"):
        dtin_benchmark(lists(tmp_path, queries={"a.jpg": 1002}))


def test_lists_that_are_not_there_or_empty_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has none of imgnet_targets\.txt, imgnet/imgnet_targets"):
        dtin_benchmark(tmp_path)
    lists(tmp_path)
    (tmp_path / "imgnet_targets.txt").write_text("\n")
    with pytest.raises(InputError, match=r"imgnet_targets\.txt, line 1: expected a path"):
        dtin_benchmark(tmp_path)
    (tmp_path / "imgnet_targets.txt").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"imgnet_targets\.txt: cannot be read"):
        dtin_benchmark(tmp_path)
    with pytest.raises(InputError, match="--split val: the dtin benchmark has no splits"):
        dtin_benchmark(tmp_path, "val")
