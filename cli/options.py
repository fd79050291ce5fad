"""Options that several commands share, and what they stand for.

Results go to standard output, everything else to standard error.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.errors import InputError

if TYPE_CHECKING:
    from index.job import IndexOptions, JobOptions
    from models.composers.registry import Composers
    from models.encoders import DualEncoder
    from models.load import Encoder
    from models.preprocess import Pixels

CollectionPath = Annotated[Path, typer.Argument(help="Folder of the collection.")]
CollectionPlace = Annotated[
    str, typer.Argument(help="Folder of the collection, or milvus://HOST:PORT/NAME.")
]
MILVUS_TOKEN = "PICTOR_MILVUS_TOKEN"
ModelName = Annotated[
    str | None,
    typer.Option("--model", help="starter, NAME/PRETRAINED, hf-hub:ORG/NAME, or a folder."),
]
Device = Annotated[
    str | None, typer.Option(help="cpu, cuda, cuda:N or mps.", show_default="CUDA, else cpu")
]
Dtype = Annotated[
    str | None,
    typer.Option(
        help="float32, bfloat16 or float16.", show_default="bfloat16 on CUDA, else float32"
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1, help="CPU threads for model, index and decoders.", show_default="all cores"
    ),
]
PhiFolders = Annotated[
    list[Path] | None,
    typer.Option("--phi", help="Folder of a phi network, which adds its composer; repeatable."),
]
SPIN_COUNT = "3000"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def milvus_token() -> str:
    """What lets a command into Milvus, from the environment, which no list of processes shows."""
    return os.environ.get(MILVUS_TOKEN, "")


def note(line: str) -> None:
    typer.echo(line, err=True)


def wait_passively() -> None:
    """Before torch is imported: its threads then sleep where they would spin for cores that the
    job's decoders can use."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def spin_briefly() -> None:
    """Before torch is imported: between two parallel loops its threads then spin for tens of
    microseconds, which keeps a lone query quick, and not for milliseconds, which would take the
    cores from the rest of the server."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)


def print_json(content: Any) -> None:  # noqa: ANN401
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2))


def load_model(
    reference: str, device: str | None, dtype: str | None, threads: int | None
) -> "Encoder":
    from index.faiss import limit_faiss_threads
    from models.device import choose_placement, limit_torch_threads
    from models.load import load_encoder
    from models.machine import available_threads

    limit_torch_threads(threads or available_threads())
    limit_faiss_threads(threads or available_threads())
    return load_encoder(reference, choose_placement(device, dtype), announce=note)


def composers_of(encoder: "DualEncoder", phis: Sequence[Path]) -> "Composers":
    from models.composers.registry import Composers
    from models.phi import read_phi

    return Composers(encoder, [read_phi(folder) for folder in phis])


def warn_of_cut(encoder: "Encoder", said: str, read: Sequence[str] = ()) -> None:
    """Where what the model is to read of it, itself unless given, is longer than it can."""
    if any(encoder.overlong(list(read) or [said])):
        note(f"longer than the model reads, and cut: {said[:40]!r}...")


def job_options(
    threads: int | None, batch_size: int | None = None, index: "IndexOptions | None" = None
) -> "JobOptions":
    from index.job import IndexOptions, JobOptions
    from models.machine import available_threads

    return JobOptions(
        threads=threads or available_threads(),
        batch_size=batch_size,
        index=index or IndexOptions(),
    )


def read_picture(path: Path, encoder: "Encoder") -> "Pixels":
    """Prepared for the encoder."""
    from models.errors import ImageError

    try:
        return encoder.prepare(encoder.decode(path.read_bytes()))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except ImageError as error:
        raise InputError(f"{path}: {error}") from error
