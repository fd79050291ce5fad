"""A run's numbers are on the disk line by line, and a resumed run goes on as if it had never
stopped."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.errors import InputError
from training.config import Logging
from training.metrics_log import MetricsLog

PLAIN = Logging(every=1)
WITH_EVENTS = Logging(every=1, tensorboard=True)
HAS_TENSORBOARD = importlib.util.find_spec("tensorboard") is not None


def every_second() -> Callable[[], float]:
    """A clock that is a second later each time that it is looked at."""
    seconds = iter(range(1000))
    return lambda: float(next(seconds))


def written(folder: Path, steps: range, resumed: int | None = None) -> None:
    log = MetricsLog(folder, PLAIN, every_second())
    with log.open(resumed):
        for step in steps:
            log.add(step, {"loss": 1 / step})


def entries(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_an_entry_is_a_line_with_its_step_and_the_seconds_so_far(tmp_path: Path) -> None:
    written(tmp_path, range(1, 3))
    assert entries(tmp_path) == [
        {"step": 1, "seconds": 1, "loss": 1.0},
        {"step": 2, "seconds": 2, "loss": 0.5},
    ]


def test_an_entry_is_there_before_the_log_is_closed(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path, PLAIN)
    with log.open(None):
        log.add(1, {"loss": 1.0})
        assert [entry["step"] for entry in entries(tmp_path)] == [1]


def test_a_number_that_is_none_is_null(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path, PLAIN, every_second())
    with log.open(None):
        log.add(1, {"loss": float("nan"), "rate": float("inf")})
    assert entries(tmp_path) == [{"step": 1, "seconds": 1, "loss": None, "rate": None}]


def test_what_came_after_the_resumed_step_is_written_anew(tmp_path: Path) -> None:
    written(tmp_path, range(1, 6))
    written(tmp_path, range(4, 6), resumed=3)
    assert [entry["step"] for entry in entries(tmp_path)] == [1, 2, 3, 4, 5]


def test_the_seconds_go_on_where_they_were(tmp_path: Path) -> None:
    written(tmp_path, range(1, 6))
    written(tmp_path, range(4, 6), resumed=3)
    assert [entry["seconds"] for entry in entries(tmp_path)] == [1, 2, 3, 4, 5]


def test_a_line_that_a_kill_has_cut_off_is_dropped(tmp_path: Path) -> None:
    written(tmp_path, range(1, 4))
    file = tmp_path / "metrics.jsonl"
    file.write_bytes(file.read_bytes()[:-4])  # in the third line
    written(tmp_path, range(3, 5), resumed=3)
    assert [entry["step"] for entry in entries(tmp_path)] == [1, 2, 3, 4]


def test_a_run_from_the_start_keeps_nothing(tmp_path: Path) -> None:
    written(tmp_path, range(1, 6))
    written(tmp_path, range(1, 2))
    assert [entry["step"] for entry in entries(tmp_path)] == [1]


@pytest.mark.parametrize("line", ["nothing", "[]", '{"step": 2}', '{"step": "2", "seconds": 1}'])
def test_a_line_that_is_no_entry_is_refused_by_its_number(tmp_path: Path, line: str) -> None:
    written(tmp_path, range(1, 2))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(InputError, match=r"metrics\.jsonl, line 2: expected an entry"):
        written(tmp_path, range(2, 3), resumed=1)


@pytest.mark.skipif(HAS_TENSORBOARD, reason="TensorBoard is installed")
def test_without_tensorboard_a_run_that_asks_for_it_hears_of_the_extra(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"log\.tensorboard: .*'\.\[tensorboard\]'"):
        MetricsLog(tmp_path, WITH_EVENTS)


@pytest.mark.skipif(not HAS_TENSORBOARD, reason="needs the extra tensorboard")
def test_tensorboard_shows_the_same_numbers_and_none_that_were_taken_back(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for resumed, steps in ((None, range(1, 6)), (3, range(4, 5))):
        log = MetricsLog(tmp_path, WITH_EVENTS)
        with log.open(resumed):
            for step in steps:
                log.add(step, {"loss": 1 / step})
    shown = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(each.step, each.value) for each in shown.Scalars("loss")] == [
        (step, pytest.approx(1 / step)) for step in range(1, 5)
    ]
