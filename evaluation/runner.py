"""Join a benchmark with a model: embed its pictures, ask its questions, count.

Through Pictor's own indexing and search. Ready-made rankings are counted without a model.
"""

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from evaluation.baselines import baseline
from evaluation.benchmark import Benchmark, Ranking, Rankings
from evaluation.embedded import Embedded, Embedding, embedded
from evaluation.examiner import examiner
from evaluation.submitting import submittable
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
    query_model: str | None  # a light encoder that asked in the model's place
    composer: str | None  # None where nothing is composed
    runs_on: str | None
    options: dict[str, str]  # of the benchmark, where one was named
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
    query_model: str | None = None  # its reference


def evaluate(
    benchmark: Benchmark,
    contestant: Contestant,
    how: Embedding,
    options: Mapping[str, str] | None = None,
) -> tuple[Evaluation, Rankings]:
    """Raises InputError naming a picture that cannot be read, or a question that asks nothing."""
    started = time.monotonic()
    refuse_empty(benchmark)
    with embedded(benchmark, contestant.encoder, how) as gallery:
        rankings = _ask(benchmark, contestant, gallery, how)
        pictures = len(gallery.pictures)
    evaluation = Evaluation(
        benchmark=benchmark.name,
        split=benchmark.split,
        model=how.model,
        space=named(contestant.encoder.spaces),
        query_model=contestant.query_model,
        composer=contestant.composer.name if has_compositions(benchmark) else None,
        runs_on=contestant.encoder.runs_on,
        options=dict(options or {}),
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


def has_compositions(benchmark: Benchmark) -> bool:
    questions = (question for task in benchmark.tasks for question in task.questions)
    return any(question.picture is not None and question.wordings for question in questions)


def has_answers(benchmark: Benchmark) -> bool:
    """Not so of a test split, whose truth only its server knows."""
    return any(question.relevant for task in benchmark.tasks for question in task.questions)


def refuse_empty(benchmark: Benchmark) -> None:
    """Raises InputError naming a question whose words are empty."""
    for task in benchmark.tasks:
        for at, question in enumerate(task.questions):
            if not all(text.strip() for wording in question.wordings for text in wording):
                picture = f", of {question.picture}" if question.picture else ""
                raise InputError(
                    f"{benchmark.name}: {task.name}, question {at}{picture}: its text is empty"
                )


def score_predictions(
    benchmark: Benchmark, files: Sequence[Path], options: Mapping[str, str] | None = None
) -> Evaluation:
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
        query_model=None,
        composer=None,
        runs_on=None,
        options=dict(options or {}),
        counts={name: len(each) for name, each in rankings.items()},
        metrics=metrics,
        seconds=time.monotonic() - started,
    )
