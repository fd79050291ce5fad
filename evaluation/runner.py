"""Join a benchmark with a model: embed its pictures, ask its questions, count.

Through Pictor's own indexing and search. Ready-made rankings are counted without a model.
"""

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from evaluation.baselines import baseline
from evaluation.benchmark import Benchmark, Ranking, Rankings, Submittable
from evaluation.embedded import Embedded, Embedding, embedded
from evaluation.examiner import examiner
from models.composers.composer import Composer
from models.encoders import DualEncoder
from models.errors import InputError
from models.space import named

PACKAGES = ("pictor", "torch", "open_clip_torch", "faiss-cpu", "numpy", "pillow")


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True)
class Evaluation:
    benchmark: str
    split: str | None
    model: str | None  # None where ready-made rankings were counted
    space: str | None
    composer: str | None
    counts: dict[str, int]  # pictures, and questions by task
    metrics: dict[str, float]  # between 0 and 1
    seconds: float
    versions: dict[str, str] = field(default_factory=versions)


@dataclass(frozen=True)
class Contestant:
    """What is measured. A light query encoder may ask in the encoder's place."""

    encoder: DualEncoder
    composer: Composer
    query_encoder: DualEncoder | None = None


def evaluate(
    benchmark: Benchmark, contestant: Contestant, how: Embedding
) -> tuple[Evaluation, Rankings]:
    """Raises InputError naming a picture that cannot be read."""
    started = time.monotonic()
    with embedded(benchmark, contestant.encoder, how) as gallery:
        rankings = _ask(benchmark, contestant, gallery, how)
        pictures = len(gallery.pictures)
    evaluation = Evaluation(
        benchmark=benchmark.name,
        split=benchmark.split,
        model=how.model,
        space=named(contestant.encoder.spaces),
        composer=contestant.composer.name,
        counts={"pictures": pictures}
        | {task.name: len(task.questions) for task in benchmark.tasks},
        metrics=benchmark.metrics(rankings),
        seconds=time.monotonic() - started,
    )
    return evaluation, rankings


def _ask(
    benchmark: Benchmark, contestant: Contestant, gallery: Embedded, how: Embedding
) -> Rankings:
    asks = examiner(gallery, contestant.encoder, contestant.query_encoder)
    rankings: dict[str, Sequence[Ranking]] = {}
    for task in benchmark.tasks:
        how.announce(f"{task.name}: {len(task.questions)} questions")
        rankings[task.name] = asks.rankings(task, contestant.composer)
        for name in task.baselines:
            other = baseline(name, contestant.encoder.space)
            rankings[f"{task.name}.{name}"] = asks.rankings(task, other)
    return rankings


def score_predictions(benchmark: Benchmark, files: Sequence[Path]) -> Evaluation:
    """Ready-made rankings in the benchmark's own format, from its annotations alone."""
    started = time.monotonic()
    rankings = submittable(benchmark).read_predictions(files)
    metrics = benchmark.metrics(rankings)
    if not metrics:
        raise InputError(f"{benchmark.name}: the split {benchmark.split} has no answers to count")
    return Evaluation(
        benchmark=benchmark.name,
        split=benchmark.split,
        model=None,
        space=None,
        composer=None,
        counts={name: len(each) for name, each in rankings.items()},
        metrics=metrics,
        seconds=time.monotonic() - started,
    )


def submission(benchmark: Benchmark, rankings: Rankings, file: Path) -> dict[Path, str]:
    """What to write where: FILE, or FILE with a suffix before its extension for each of several."""
    contents = submittable(benchmark).submission(rankings)
    return {
        file.with_name(f"{file.stem}{suffix}{file.suffix}"): text
        for suffix, text in contents.items()
    }


def submittable(benchmark: Benchmark) -> Submittable:
    """Raises InputError for a benchmark whose rankings have no format of their own."""
    if not isinstance(benchmark, Submittable):
        raise InputError(f"{benchmark.name}: has no format for rankings")
    return benchmark
