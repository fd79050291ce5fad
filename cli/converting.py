"""`pictor convert`: a published checkpoint to a folder that Pictor reads."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from cli.options import Device, Threads, load_model
from models.errors import InputError

if TYPE_CHECKING:
    from models.load import Encoder
    from models.phi import PhiKind

MAGICLENS = "magiclens"


def convert(
    kind: Annotated[str, typer.Argument(help="magiclens, searle, lincir or pic2word.")],
    checkpoint: Annotated[Path, typer.Argument(help="The file as its authors publish it.")],
    out: Annotated[Path, typer.Argument(help="The folder to write.")],
    model: Annotated[
        str | None,
        typer.Option(help="Of a phi network (all but magiclens): the model that it was made for."),
    ] = None,
    device: Device = None,
    threads: Threads = None,
) -> None:
    """Convert a published checkpoint, without trusting it.

    magiclens: use OUT as --model. searle, lincir, pic2word: use OUT as --phi with the model that
    the network was made for.
    """
    from models.phi import PhiKind

    kinds: tuple[PhiKind, ...] = get_args(PhiKind)
    if kind == MAGICLENS:
        if model is not None:
            raise InputError("--model: a MagicLens checkpoint is a model of its own")
        typer.echo(converted_magiclens(checkpoint, out))
        return
    named = next((each for each in kinds if each == kind), None)
    if named is None:
        raise InputError(f"{kind!r}: expected one of {', '.join((MAGICLENS, *kinds))}")
    if model is None:
        raise InputError(f"--model: name the model that the {kind} network was made for")
    typer.echo(converted_phi(named, checkpoint, out, load_model(model, device, None, threads)))


def converted_magiclens(checkpoint: Path, out: Path) -> str:
    from models.magiclens.folder import convert as convert_checkpoint

    card = convert_checkpoint(checkpoint, out)
    millions = card.parameters / 1e6
    return f"{out}: MagicLens, {millions:.1f} M parameters; use it as --model {out}"


def converted_phi(kind: "PhiKind", checkpoint: Path, out: Path, encoder: "Encoder") -> str:
    from models.phi import pin_phi, write_phi

    if not encoder.fills_galleries:
        raise InputError("--model: a light query encoder; name the gallery's model")
    phi = pin_phi(kind, checkpoint, encoder.space, encoder.word_width)
    write_phi(out, phi)
    return f"{out}: {kind} for {phi.space}; use it as --phi {out}"
