"""`pictor evaluate`: measure a model on a benchmark, rankings made elsewhere, or a collection."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import (
    AsJson,
    Device,
    Dtype,
    PhiFolders,
    Threads,
    composers_of,
    load_model,
    note,
    print_json,
)
from cli.progress import JobProgressBar
from models.errors import InputError

if TYPE_CHECKING:
    from evaluation.runner import Evaluation
    from models.load import Encoder

NAME_WIDTH = 40


def evaluate(
    benchmark: Annotated[
        str, typer.Argument(help="Its name; `list` shows all. Or `collection`, one of your own.")
    ],
    collection: Annotated[
        Path | None, typer.Argument(help="With `collection`: its folder.", show_default=False)
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The benchmark's folder.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The model to measure.", show_default="starter; of a collection its own"),
    ] = None,
    query_model: Annotated[
        str | None,
        typer.Option(help="A light query encoder of the model's, to ask in its place."),
    ] = None,
    composer: Annotated[
        str | None,
        typer.Option(
            help="How picture and text are joined; also `image` and `text` alone.",
            show_default="the model's best",
        ),
    ] = None,
    phi: PhiFolders = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Which part of the benchmark.", show_default="val or dev, else the first"
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A choice of the benchmark's own; repeatable."),
    ] = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(
            help="Count these ready-made rankings, in the benchmark's submission format; "
            "repeatable, where that is several files. No model is loaded."
        ),
    ] = None,
    submission: Annotated[
        Path | None,
        typer.Option(help="Write, or replace, the rankings as the test server takes them."),
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(
            help="With `collection`: JSON lines of {text} or {image}, and what they should find, "
            "{relevant}."
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Where embedded pictures are kept.", show_default="the user's cache folder"
        ),
    ] = None,
    device: Device = None,
    dtype: Dtype = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on a published benchmark, through the same search that answers users; or how
    well a collection of your own is searched."""
    from evaluation.baselines import composer_or_baseline
    from evaluation.benchmarks.registry import descriptions, open_benchmark
    from evaluation.embedded import Embedding
    from evaluation.runner import Contestant, has_answers, has_compositions, score_predictions
    from evaluation.runner import evaluate as run_evaluation
    from evaluation.submitting import check_place, write_submission
    from models.machine import available_threads

    if benchmark == "list":
        typer.echo("\n".join(f"{name:<12}{about}" for name, about in descriptions()))
        return
    measures = {"query_model": query_model, "composer": composer, "phi": phi, "cache": cache}
    of_benchmarks = {"data": data, "split": split, "option": option, "predictions": predictions}
    if benchmark == "collection":
        _refuse("evaluate collection", {**measures, **of_benchmarks, "submission": submission})
        encoder_of = partial(load_model, device=device, dtype=dtype, threads=threads)
        _report_collection(collection, model, queries, encoder_of, as_json)
        return
    if collection is not None:
        raise InputError(f"{collection}: only `pictor evaluate collection` takes a collection")
    if data is None:
        raise InputError("--data: expected the benchmark's folder")
    _refuse(f"evaluate {benchmark}", {"queries": queries})
    options = _pairs(option or ())
    opened = open_benchmark(benchmark, data, split, options)
    if predictions:
        _refuse("--predictions", {**measures, "model": model, "submission": submission})
        _print(score_predictions(opened, predictions, options), as_json)
        return
    if composer is not None and not has_compositions(opened):
        raise InputError(f"--composer {composer}: the {benchmark} benchmark composes nothing")
    if submission is None and not has_answers(opened):
        raise InputError(f"{benchmark}: has no answers to count here: give --submission")
    model = model or "starter"
    encoder = load_model(model, device, dtype, threads)
    asking = load_model(query_model, device, dtype, threads) if query_model else None
    chosen = composer_or_baseline(composer, composers_of(asking or encoder, phi or ()))
    contestant = Contestant(encoder, chosen, asking, query_model)
    if submission is not None:
        check_place(opened, submission)
    with JobProgressBar("embedding") as progress:
        how = Embedding(
            model=model,
            cache=cache or default_cache(),
            threads=threads or available_threads(),
            announce=note,
            progress=progress,
        )
        evaluation, rankings = run_evaluation(opened, contestant, how, options)
    _print(evaluation, as_json)
    if submission is not None:
        for path in write_submission(opened, rankings, submission):
            note(f"{path}: written")


def _report_collection(
    folder: Path | None,
    model: str | None,
    queries: Path | None,
    encoder_of: Callable[[str], "Encoder"],
    as_json: bool,
) -> None:
    from evaluation.collection.report import report_on
    from evaluation.runner import versions
    from index.collection import Collection

    if folder is None:
        raise InputError("evaluate collection: expected the collection's folder")
    with closing(Collection.open(folder)) as opened:
        with opened.snapshot() as snapshot:
            encoder = encoder_of(model or snapshot.model)
        report = report_on(opened, encoder, queries=queries, announce=note)
    if as_json:
        about = {"benchmark": "collection", "metrics": report.metrics(), "composer": None}
        print_json({**about, **asdict(report), "versions": versions()})
        return
    typer.echo("\n".join(report.lines()))


def default_cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("pictor", appauthor=False)


def _refuse(beside: str, given: Mapping[str, object]) -> None:
    """What would be silently ignored is refused."""
    for name, value in given.items():
        if value:
            raise InputError(f"--{name.replace('_', '-')}: means nothing to {beside}")


def _pairs(options: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in options]
    for name, equals, _ in pairs:
        if not equals:
            raise InputError(f"--option {name}: expected NAME=VALUE")
        if [other for other, _, _ in pairs].count(name) > 1:
            raise InputError(f"--option {name}: is there twice")
    return {name: value for name, _, value in pairs}


def _print(evaluation: "Evaluation", as_json: bool) -> None:
    if as_json:
        print_json(asdict(evaluation))
        return
    split = f", {evaluation.split}" if evaluation.split else ""
    measured = "rankings made elsewhere"
    if evaluation.model:
        composer = f", composer {evaluation.composer}" if evaluation.composer else ""
        measured = f"{evaluation.model} ({evaluation.space}){composer}, {evaluation.runs_on}"
    typer.echo(f"{evaluation.benchmark}{split}: {measured}")
    for name, value in evaluation.metrics.items():
        typer.echo(f"{name:<{NAME_WIDTH}}{value:.4f}")
