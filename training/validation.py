"""A model in training, measured on a benchmark from time to time, and its best moment kept.

Validator.validate(candidate) -> the benchmark's metrics, as `pictor evaluate` would find them. The
pictures are embedded anew each time, as every step has a space of its own, in a folder that is
empty before and afterwards. The candidate that is higher in `metric` than all before it is exported
to `best/`, with `validation.json` beside the model: the step, and all metrics. At every moment
`best/` holds a whole model with its own record; a kill between two renames leaves it as `best.old`,
from where the next validation brings it back. One process validates, while others wait.

Raises InputError for a benchmark that is not whole, when the Validator is made, and naming those
that there are for a metric that the benchmark has not.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from evaluation.baselines import composer_or_baseline
from evaluation.benchmark import Benchmark
from evaluation.benchmarks.registry import open_benchmark
from evaluation.embedded import Embedding
from evaluation.runner import Contestant, evaluate
from models.composers.registry import Composers
from models.encoders import DualEncoder
from models.errors import InputError
from models.files import sync, write_whole
from training.config import Section
from training.state import Report

BEST, CACHE, RECORD = "best", "validation", "validation.json"


class Validation(Section):
    """`data` is relative to the run's; split, options and composer are those of `evaluate`."""

    benchmark: str
    data: Path
    split: str | None = None
    options: dict[str, str] = Field(default_factory=dict)
    composer: str | None = None  # the model's best
    metric: str  # by which the best is kept: the higher, the better
    every: int = Field(ge=1)  # steps

    def is_due(self, step: int, steps: int) -> bool:
        """Before the first step, at every so many, and after the last."""
        return step % self.every == 0 or step == steps


@dataclass(frozen=True)
class Candidate:
    """The model as it is after some steps."""

    step: int
    encoder: DualEncoder
    export: Callable[[Path], None]  # into an empty folder


@dataclass(frozen=True)
class Place:
    """Where and for what run a Validator works."""

    data: Path
    out: Path
    run: str  # its fingerprint: the best of another run is none of this one's
    threads: int


class Validator:
    def __init__(self, how: Validation, place: Place, report: Report) -> None:
        self.how, self.place, self.report = how, place, report
        self.benchmark: Benchmark = open_benchmark(
            how.benchmark, place.data / how.data, how.split, how.options
        )
        self.benchmark.pictures()
        self.best = place.out / BEST

    def validate(self, candidate: Candidate) -> dict[str, float]:
        _recover(self.best)
        metrics = self._measured(candidate.encoder)
        name = self.how.metric
        if name not in metrics:
            raise InputError(
                f"validation.metric: {name!r}, {self.how.benchmark} has {', '.join(metrics)}"
            )
        said = f"validation at step {candidate.step}: {name} {metrics[name]:.4f}"
        earlier = self.best_so_far()
        if earlier is None or metrics[name] > earlier["metrics"][name]:
            self._keep(candidate, metrics)
            said += ", the best so far"
        self.report(said)
        return metrics

    def best_so_far(self) -> dict[str, Any] | None:
        """The record of this run's best by what is measured now; None where there is none."""
        file = self.best / RECORD
        if not file.exists():
            return None
        try:
            record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            is_ours = {key: record[key] for key in self._measuring} == self._measuring
            return record if is_ours and self.how.metric in record["metrics"] else None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file}: cannot be read as a record: {error}") from error

    @property
    def _measuring(self) -> dict[str, Any]:
        measured = self.how.model_dump(mode="json", exclude={"every", "data"})
        return {"run": self.place.run, **measured}

    def _measured(self, encoder: DualEncoder) -> dict[str, float]:
        cache = self.place.out / CACHE
        shutil.rmtree(cache, ignore_errors=True)  # of a validation that was cut short
        composer = composer_or_baseline(self.how.composer, Composers(encoder))
        model = encoder.space.model
        how = Embedding(model, cache, self.place.threads, announce=lambda line: None)
        try:
            evaluation, _ = evaluate(self.benchmark, Contestant(encoder, composer), how)
        finally:
            shutil.rmtree(cache, ignore_errors=True)
        return evaluation.metrics

    def _keep(self, candidate: Candidate, metrics: dict[str, float]) -> None:
        new, old = _beside(self.best)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        candidate.export(new)
        record = {**self._measuring, "step": candidate.step, "metrics": metrics}
        write_whole(new / RECORD, (json.dumps(record, indent=1) + "\n").encode())
        sync(new)
        if self.best.exists():
            self.best.replace(old)
        new.replace(self.best)
        sync(self.best.parent)
        shutil.rmtree(old, ignore_errors=True)


def _beside(best: Path) -> tuple[Path, Path]:
    """Where the new one is written, and where the old one waits until the new one is in place."""
    return best.with_name(f"{best.name}.tmp"), best.with_name(f"{best.name}.old")


def _recover(best: Path) -> None:
    """After a kill: the old one comes back where no new one has taken its place."""
    new, old = _beside(best)
    if old.exists() and not best.exists():
        old.replace(best)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
