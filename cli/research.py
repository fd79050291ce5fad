"""`pictor scenes`, `evaluate` and `train`: make data, measure, and train."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

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
from cli.progress import ProgressBar


def scenes(
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    seed: Annotated[int, typer.Option(help="Another seed draws another set.")] = 0,
    count: Annotated[int, typer.Option(min=1, help="How many pictures.")] = 1000,
) -> None:
    """Draw sample pictures with captions and edits whose answers are known."""
    from evaluation.scenes import write_scenes

    with ProgressBar("drawing", count) as advance:
        write_scenes(out, seed=seed, count=count, progress=advance)
    typer.echo(f"{out}: {count} pictures, captions.tsv, edits.jsonl, scenes.jsonl")


def evaluate(
    benchmark: Annotated[str, typer.Argument(help="captions or scenes.")],
    data: Annotated[Path, typer.Option(help="The benchmark's folder.")],
    model: Annotated[str, typer.Option(help="The model to measure.")] = "starter",
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
    split: Annotated[str | None, typer.Option(help="[default: val or dev]")] = None,
    device: Device = None,
    dtype: Dtype = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on a benchmark, through the same search that answers users."""
    from evaluation.baselines import composer_or_baseline
    from evaluation.benchmarks import open_benchmark
    from evaluation.runner import evaluate as run_evaluation
    from models.device import available_threads

    opened = open_benchmark(benchmark, data, split)
    encoder = load_model(model, device, dtype, threads)
    asking = load_model(query_model, device, dtype, threads) if query_model else None
    result = run_evaluation(
        opened,
        encoder,
        composer_or_baseline(composer, composers_of(asking or encoder, phi or ())),
        model=model,
        threads=threads or available_threads(),
        announce=note,
        query_encoder=asking,
    )
    if as_json:
        print_json(asdict(result))
        return
    typer.echo(f"{result.benchmark}: {result.model} ({result.space}), composer {result.composer}")
    for name, value in result.metrics.items():
        typer.echo(f"{name:<28}{value:.4f}")


def train(
    config: Annotated[Path, typer.Argument(help="A run's TOML file, as configs/starter.toml.")],
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Train a model, a phi network (kind = "lincir") or a light query encoder (kind = "isa").

    The same command goes on where a stopped run left off.
    """
    from models.device import available_threads, choose_placement, limit_torch_threads
    from training.config import read_config
    from training.run import train as run_training

    run = read_config(config)
    threads = threads or available_threads()
    limit_torch_threads(threads)
    folder = run_training(run, choose_placement(device), threads, report=note)
    option = "--phi" if run.kind == "lincir" else "--model"
    typer.echo(f"{folder}: use it as {option} {folder}")
