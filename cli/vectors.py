"""`pictor models` and `pictor embed`: the models themselves."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import (
    AsJson,
    Device,
    Dtype,
    Threads,
    load_model,
    print_json,
    read_picture,
    warn_of_cut,
)
from models.errors import InputError


def models(as_json: AsJson = False) -> None:
    """List the models that --model takes: the starter, what we recommend, and open_clip's."""
    from models.load import RECOMMENDED, STARTER
    from models.openclip import listed_models

    listed = ["/".join(pair) for pair in listed_models()]
    if as_json:
        print_json({"bundled": [STARTER], "recommended": dict(RECOMMENDED), "listed": listed})
        return
    typer.echo(f"{STARTER}  (ships with Pictor; small, for the first minutes)")
    for name, use in RECOMMENDED:
        typer.echo(f"{name}  ({use})")
    typer.echo("MagicLens as published: pictor convert magiclens FILE.pkl OUT, then --model OUT")
    typer.echo("\n".join(listed))


def embed(
    model: Annotated[
        str, typer.Option(help="starter, NAME/PRETRAINED, hf-hub:ORG/NAME, a folder.")
    ],
    out: Annotated[Path, typer.Option(help="The .npy file to write.")],
    image: Annotated[list[Path] | None, typer.Option(help="A picture; may be repeated.")] = None,
    text: Annotated[list[str] | None, typer.Option(help="A text; may be repeated.")] = None,
    device: Device = None,
    dtype: Dtype = None,
    threads: Threads = None,
) -> None:
    """Write the raw embeddings of pictures, then of texts, to a .npy file: (n, dim) float32.

    Both in the space in which the model compares them with each other.
    """
    import numpy as np

    from models.encoders import split_spaces

    if not image and not text:
        raise InputError("nothing to embed: give --image or --text")
    encoder = load_model(model, device, dtype, threads)
    pixels = [read_picture(path, encoder) for path in image or []]
    for each in text or []:
        warn_of_cut(encoder, each)
    pictures = split_spaces(encoder.encode_images(pixels), encoder.spaces)[0]
    rows = np.concatenate([pictures, encoder.encode_texts(text or [])])
    unfinished = out.with_name(f".{out.name}.unfinished.npy")
    try:
        np.save(unfinished, rows)
        unfinished.replace(out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from error
    typer.echo(f"{out}: {rows.shape[0]} x {rows.shape[1]} float32, space {encoder.space}")
