"""A model in training is measured from time to time, and the best that it has been is kept whole.

The benchmark has two pictures of each of two classes; a picture's class is its colour, so that a
model which sees colours ranks them right, and one that sees each picture as it likes does not.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from models.errors import InputError
from models.preprocess import Pixels
from models.vectors import Embeddings
from tests.fakes import ColourEncoder, picture
from training.validation import Candidate, Place, Validation, Validator

HOW = Validation(benchmark="classes", data=Path("classes"), metric="mAP", every=10)
FILES = ("a/red-1.png", "a/red-2.png", "b/blue-1.png", "b/blue-2.png")


class PositionEncoder(ColourEncoder):
    """Of the pictures in their order every second one is the same, and the rest unlike them."""

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        rows = [[1 - at % 2, at % 2, 0, 0] for at in range(len(pixels))]
        return np.asarray(rows, dtype=np.float32).reshape(-1, 4)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for at, file in enumerate(FILES):
        path = tmp_path / "data" / "classes" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(path.name.split("-")[0], size=(8 + at, 8)).save(path)
    return tmp_path / "data"


def validator(data: Path, how: Validation = HOW, run: str = "a run") -> Validator:
    said: list[str] = []
    return Validator(how, Place(data, data.parent / "out", run, threads=1), said.append)


def model(step: int) -> Callable[[Path], None]:
    """Exported, it is a file that says its step."""

    def export(folder: Path) -> None:
        (folder / "model").write_text(f"of step {step}")

    return export


def good(step: int) -> Candidate:
    return Candidate(step, ColourEncoder(), model(step))


def bad(step: int) -> Candidate:
    return Candidate(step, PositionEncoder(), model(step))


def kept(data: Path) -> str:
    return (data.parent / "out" / "best" / "model").read_text()


def test_the_metrics_are_the_benchmarks(data: Path) -> None:
    """The other picture of a query's class comes first; or behind one of the other class, and where
    equal scores go by the gallery's order, behind two: at 2, 2, 3 and 3."""
    assert validator(data).validate(good(0))["mAP"] == 1
    found = validator(data).validate(bad(0))["mAP"]
    assert found == pytest.approx((1 / 2 + 1 / 2 + 1 / 3 + 1 / 3) / 4)


def test_the_best_is_kept_and_a_worse_one_does_not_replace_it(data: Path) -> None:
    validating = validator(data)
    for candidate, best in ((bad(0), 0), (good(10), 10), (bad(20), 10)):
        validating.validate(candidate)
        assert kept(data) == f"of step {best}"


def test_an_equal_one_later_does_not_replace_it(data: Path) -> None:
    validating = validator(data)
    validating.validate(good(10))
    validating.validate(good(20))
    assert kept(data) == "of step 10"


def test_beside_the_best_is_what_was_measured(data: Path) -> None:
    validator(data).validate(good(10))
    record = json.loads((data.parent / "out" / "best" / "validation.json").read_text())
    assert (record["step"], record["benchmark"], record["metric"]) == (10, "classes", "mAP")
    assert record["metrics"]["mAP"] == 1


def test_the_best_is_remembered_by_a_run_that_is_resumed(data: Path) -> None:
    validator(data).validate(good(10))
    validator(data).validate(bad(20))
    assert kept(data) == "of step 10"


def test_the_best_of_another_run_counts_for_nothing(data: Path) -> None:
    validator(data).validate(good(10))
    validator(data, run="another").validate(bad(0))
    assert kept(data) == "of step 0"


def test_nor_does_the_best_by_another_metric(data: Path) -> None:
    validator(data).validate(good(10))
    validator(data, HOW.model_copy(update={"metric": "P@1"})).validate(bad(20))
    assert kept(data) == "of step 20"


def test_the_pictures_are_embedded_anew_each_time_and_not_kept(data: Path) -> None:
    """Both steps' encoders say that they have the same space."""
    first, second = good(0), good(10)
    validator(data).validate(first)
    validator(data).validate(second)
    for candidate in (first, second):
        assert isinstance(candidate.encoder, ColourEncoder)
        assert candidate.encoder.encoded_images == len(FILES)
    assert [entry.name for entry in (data.parent / "out").iterdir()] == ["best"]


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def test_a_kill_while_it_is_written_leaves_the_best_before(data: Path) -> None:
    def killed(folder: Path) -> None:
        (folder / "model").write_text("half")
        raise Killed

    validator(data).validate(bad(0))
    with pytest.raises(Killed):
        validator(data).validate(Candidate(10, ColourEncoder(), killed))
    assert kept(data) == "of step 0"
    validator(data).validate(good(20))
    assert kept(data) == "of step 20"
    assert [entry.name for entry in (data.parent / "out").iterdir()] == ["best"]


def test_a_kill_between_the_renames_loses_nothing(data: Path) -> None:
    validator(data).validate(good(10))
    best = data.parent / "out" / "best"
    best.replace(best.with_name("best.old"))
    validator(data).validate(bad(20))
    assert kept(data) == "of step 10"


def test_it_is_due_before_the_first_step_at_every_so_many_and_after_the_last() -> None:
    assert [step for step in range(26) if HOW.is_due(step, steps=25)] == [0, 10, 20, 25]


def test_a_metric_that_the_benchmark_has_not_is_refused_beside_those_that_it_has(
    data: Path,
) -> None:
    with pytest.raises(InputError, match=r"validation\.metric: 'R@1', classes has mAP, R-prec"):
        validator(data, HOW.model_copy(update={"metric": "R@1"})).validate(good(0))


def test_a_benchmark_that_is_not_there_is_refused_at_once(data: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        validator(data, HOW.model_copy(update={"data": Path("nowhere")}))


def test_a_record_that_cannot_be_read_is_refused_by_its_file(data: Path) -> None:
    validator(data).validate(good(10))
    (data.parent / "out" / "best" / "validation.json").write_text("{")
    with pytest.raises(InputError, match=r"validation\.json: cannot be read as a record"):
        validator(data).validate(bad(20))
