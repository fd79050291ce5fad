"""`pictor evaluate`: measure a model on a benchmark, rankings made elsewhere, or a collection."""

from collections.abc import Callable, Sequence
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
    from evaluation.benchmark import Benchmark
    from evaluation.runner import Contestant, Evaluation
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
        typer.Option(help="The model to measure. [default: starter; a collection's own]"),
    ] = None,
    query_model: Annotated[
        str | None,
        typer.Option(help="A light query encoder of the model's, to ask in its place."),
    ] = None,
    composer: Annotated[
        str | None,
        typer.Option(
            help="How picture and text are joined; also `image` and `text` alone. "
            "[default: the model's best]"
        ),
    ] = None,
    phi: PhiFolders = None,
    split: Annotated[
        str | None, typer.Option(help="[default: val or dev, where there is one]")
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
        Path | None, typer.Option(help="Write the rankings as the test server takes them.")
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
        typer.Option(help="Where embedded pictures are kept. [default: the user's cache folder]"),
    ] = None,
    device: Device = None,
    dtype: Dtype = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on a published benchmark, through the same search that answers users; or how
    well a collection of your own is searched."""
    from evaluation.baselines import composer_or_baseline
    from evaluation.benchmarks.registry import BENCHMARKS, open_benchmark
    from evaluation.runner import Contestant, score_predictions

    if benchmark == "list":
        typer.echo("\n".join([*BENCHMARKS, "collection"]))
        return
    if benchmark == "collection":
        encoder_of = partial(load_model, device=device, dtype=dtype, threads=threads)
        _report_collection(collection, model, queries, encoder_of, as_json)
        return
    if collection is not None:
        raise InputError(f"{collection}: only `pictor evaluate collection` takes a collection")
    if data is None:
        raise InputError("--data: expected the benchmark's folder")
    opened = open_benchmark(benchmark, data, split, _pairs(option or ()))
    if predictions:
        _print(score_predictions(opened, predictions), as_json)
        return
    model = model or "starter"
    encoder = load_model(model, device, dtype, threads)
    asking = load_model(query_model, device, dtype, threads) if query_model else None
    chosen = composer_or_baseline(composer, composers_of(asking or encoder, phi or ()))
    contestant = Contestant(encoder, chosen, asking)
    _print(_measured(opened, contestant, model, cache, threads, submission), as_json)


def _measured(
    benchmark: "Benchmark",
    contestant: "Contestant",
    model: str,
    cache: Path | None,
    threads: int | None,
    file: Path | None,
) -> "Evaluation":
    from evaluation.embedded import Embedding
    from evaluation.runner import evaluate as run_evaluation
    from evaluation.runner import submission, submittable
    from models.device import available_threads
    from models.files import write_whole

    if file is not None:
        submittable(benchmark)  # refused before anything is embedded
    with JobProgressBar("embedding") as progress:
        how = Embedding(
            model=model,
            cache=cache or default_cache(),
            threads=threads or available_threads(),
            announce=note,
            progress=progress,
        )
        evaluation, rankings = run_evaluation(benchmark, contestant, how)
    if file is not None:
        for path, text in submission(benchmark, rankings, file).items():
            write_whole(path, text.encode())
            note(f"{path}: written")
    return evaluation


def _report_collection(
    folder: Path | None,
    model: str | None,
    queries: Path | None,
    encoder_of: Callable[[str], "Encoder"],
    as_json: bool,
) -> None:
    from evaluation.collection.report import report_on
    from index.collection import Collection

    if folder is None:
        raise InputError("evaluate collection: expected the collection's folder")
    with closing(Collection.open(folder)) as opened:
        with opened.snapshot() as snapshot:
            encoder = encoder_of(model or snapshot.model)
        report = report_on(opened, encoder, queries=queries, announce=note)
    if as_json:
        print_json({"benchmark": "collection", "metrics": report.metrics(), **asdict(report)})
        return
    typer.echo("\n".join(report.lines()))


def default_cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("pictor", appauthor=False)


def _pairs(options: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in options]
    for name, equals, _ in pairs:
        if not equals:
            raise InputError(f"--option {name}: expected NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _print(evaluation: "Evaluation", as_json: bool) -> None:
    if as_json:
        print_json(asdict(evaluation))
        return
    split = f", {evaluation.split}" if evaluation.split else ""
    measured = "rankings made elsewhere"
    if evaluation.model:
        measured = f"{evaluation.model} ({evaluation.space}), composer {evaluation.composer}"
    typer.echo(f"{evaluation.benchmark}{split}: {measured}")
    for name, value in evaluation.metrics.items():
        typer.echo(f"{name:<{NAME_WIDTH}}{value:.4f}")
