"""`pictor scenes`, `triplets` and `train`: make data, and train."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Device, Threads, load_model, note
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


def triplets(
    config: Annotated[Path, typer.Argument(help="A TOML file, as configs/triplets.toml.")],
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Mine pictures that belong together for training triplets: picture, instruction, picture."""
    from training.triplets.run import make_triplets, read_triplets_config

    run = read_triplets_config(config)
    encoder = load_model(run.model, device, None, threads)
    made = make_triplets(run, encoder, report=note)
    typer.echo(
        f"{run.out}: {made['triplets']} triplets; report.json says what was dropped, and why"
    )


def train(
    config: Annotated[Path, typer.Argument(help="A run's TOML file, as configs/starter.toml.")],
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Train a model; by the file's `kind` MagicLens on triplets, fine-tune a model, or give it a
    MagicLens head, a phi network (lincir) or a light query encoder (isa).

    The same command goes on where a stopped run left off.
    """
    from models.device import choose_placement, limit_torch_threads
    from models.machine import available_threads
    from training.kinds import read_config
    from training.run import train as run_training

    run = read_config(config)
    threads = threads or available_threads()
    limit_torch_threads(threads)
    folder = run_training(run, choose_placement(device), threads, report=note)
    option = "--phi" if run.kind == "lincir" else "--model"
    typer.echo(f"{folder}: use it as {option} {folder}")
