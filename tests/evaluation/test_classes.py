"""Folders of classes: every picture among all others, and nothing lies unseen on a wrong level."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.benchmarks.classes import classes_benchmark
from evaluation.embedded import Embedding
from evaluation.runner import Contestant, evaluate
from models.composers.registry import Composers
from models.errors import InputError
from tests.fakes import ColourEncoder, picture


def laid_out(data: Path, *files: str) -> Path:
    """Each picture in the colour that its file's name begins with."""
    for file in files:
        (data / file).parent.mkdir(parents=True, exist_ok=True)
        colour = Path(file).name.split(".")[0].split("-")[0]
        picture(colour).save(data / file)
    return data


SEVEN = ("ant/red-1.png", "ant/red-2.png", "ant/blue.png", "cup/green-1.png", "cup/green-2.png")


def test_every_picture_asks_for_the_others_of_its_class_among_all_others(tmp_path: Path) -> None:
    (task,) = classes_benchmark(laid_out(tmp_path, *SEVEN)).tasks
    assert (task.name, task.depth, task.gallery) == ("image", None, None)
    asked = {str(question.picture): question for question in task.questions}
    assert list(asked) == sorted(SEVEN)
    first = asked["ant/blue.png"]
    assert first.relevant == {"ant/red-1.png", "ant/red-2.png"}
    assert first.ignored == {"ant/blue.png"}
    assert first.wordings == ()


def test_one_alone_in_its_class_asks_nothing_and_stays_among_the_others(tmp_path: Path) -> None:
    benchmark = classes_benchmark(laid_out(tmp_path, *SEVEN, "owl/white.png"))
    asked = {question.picture for question in benchmark.tasks[0].questions}
    assert asked == set(SEVEN)
    assert {each.key for each in benchmark.pictures()} == {*SEVEN, "owl/white.png"}


def test_rankings_are_counted_whole(tmp_path: Path) -> None:
    data = laid_out(
        tmp_path, "a/red.png", "a/blue.png", "a/green.png", "b/black.png", "b/white.png"
    )
    benchmark = classes_benchmark(data)
    ranked = [
        ["a/green.png", "b/black.png", "a/red.png", "b/white.png"],  # of a/blue
        ["b/black.png", "b/white.png", "a/blue.png", "a/red.png"],  # of a/green
        ["a/blue.png", "a/green.png", "b/black.png", "b/white.png"],  # of a/red
        ["b/white.png", "a/blue.png", "a/green.png", "a/red.png"],  # of b/black
        ["a/red.png", "b/black.png", "a/blue.png", "a/green.png"],  # of b/white
    ]
    metrics = benchmark.metrics({"image": ranked})
    # AP: (1/1 + 2/3)/2 = 5/6, (1/3 + 2/4)/2 = 5/12, 1, and of one other 1/1 and 1/2
    assert metrics["mAP"] == pytest.approx((5 / 6 + 5 / 12 + 1 + 1 + 1 / 2) / 5)
    # among the first as many as there are others: 1 of 2, 0 of 2, 2 of 2, 1 of 1, 0 of 1
    assert metrics["R-precision"] == pytest.approx((1 / 2 + 0 + 1 + 1 + 0) / 5)
    assert metrics["P@1"] == pytest.approx(3 / 5)
    # ten are asked for, and there are four: 2 + 2 + 2 + 1 + 1 right ones
    assert metrics["P@10"] == pytest.approx(8 / 10 / 5)
    assert benchmark.metrics({}) == {}
    with pytest.raises(InputError, match="4 rankings for 5 queries"):
        benchmark.metrics({"image": ranked[:4]})


def restated(similar: NDArray[np.float64], classes: NDArray[np.int64]) -> dict[str, float]:
    """Over a matrix of similarities, each picture's own left out."""
    aps, precisions = [], []
    for row, of_class in enumerate(classes):
        others = np.delete(np.arange(len(classes)), row)
        order = others[np.argsort(-similar[row, others])]
        hit = (classes[order] == of_class).astype(float)
        precision = np.cumsum(hit) / np.arange(1, len(hit) + 1)
        aps.append(np.sum(precision * hit) / np.sum(hit))
        precisions.append(np.mean(hit[: int(np.sum(hit))]))
    return {"mAP": float(np.mean(aps)), "R-precision": float(np.mean(precisions))}


def test_the_figures_are_those_of_the_formulas_over_similarities(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    classes = np.repeat(np.arange(5), (2, 3, 4, 5, 6))
    files = [f"{of_class}/red-{at:02}.png" for at, of_class in enumerate(classes)]
    similar = rng.random((len(files), len(files)))
    benchmark = classes_benchmark(laid_out(tmp_path, *files))
    asked = [str(question.picture) for question in benchmark.tasks[0].questions]
    assert asked == files
    rankings = [
        [files[at] for at in np.argsort(-similar[row]) if at != row] for row in range(len(files))
    ]
    metrics = benchmark.metrics({"image": rankings})
    for name, value in restated(similar, classes).items():
        assert metrics[name] == pytest.approx(value, abs=1e-12)


def test_a_model_is_asked_through_the_index(tmp_path: Path) -> None:
    data = laid_out(tmp_path / "data", "a/red.png", "a/yellow.png", "b/black.png", "b/blue.png")
    encoder = ColourEncoder()
    how = Embedding("colours", tmp_path / "cache", threads=1, announce=lambda line: None)
    contestant = Contestant(encoder, Composers(encoder).named("sum"))
    result, rankings = evaluate(classes_benchmark(data), contestant, how)
    assert result.counts == {"pictures": 4, "image": 4}
    assert [len(ranking) for ranking in rankings["image"]] == [3] * 4
    # red and yellow share a channel, and black's nearest is any of the darker ones
    assert rankings["image"][0][0] == "a/yellow.png"
    assert rankings["image"][1][0] == "a/red.png"


def test_what_is_hidden_or_is_no_picture_is_passed_over(tmp_path: Path) -> None:
    data = laid_out(tmp_path, "a/red.png", "a/blue.png", ".hidden/red.png")
    (data / "a" / "notes.txt").write_text("of a")
    (data / "a" / ".DS_Store").write_bytes(b"")
    (data / "README.md").write_text("of all")
    (data / "scripts").mkdir()
    assert classes_benchmark(data).files == ("a/blue.png", "a/red.png")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("red.png", r"red\.png: a picture, where a folder of a class is expected"),
        ("a/more/red.png", r"a/more: a folder, where the pictures of a class are expected"),
    ],
)
def test_a_picture_on_a_wrong_level_is_refused(tmp_path: Path, file: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        classes_benchmark(laid_out(tmp_path, "a/red.png", "a/blue.png", file))


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    data = laid_out(tmp_path, "a/red.png", "a/blue.png")
    (data / "a" / "\udcff.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"/a: '\\udcff\.png': its name is not UTF-8"):
        classes_benchmark(data)


def test_folders_without_a_question_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no folder with two pictures or more"):
        classes_benchmark(laid_out(tmp_path, "a/red.png", "b/blue.png"))
    with pytest.raises(InputError, match="nowhere: cannot be listed: No such file"):
        classes_benchmark(tmp_path / "nowhere")
    with pytest.raises(InputError, match="--split val: the classes benchmark has no splits"):
        classes_benchmark(tmp_path, "val")


def test_a_broken_link_is_named_when_pictures_are_asked_for(tmp_path: Path) -> None:
    data = laid_out(tmp_path, "a/red.png", "a/blue.png")
    (data / "a" / "green.png").symlink_to(data / "gone.png")
    with pytest.raises(InputError, match=r"green\.png: named by the benchmark, but not there"):
        classes_benchmark(data).pictures()
