"""`pictor duplicates` and `pictor export`: what a collection holds nearly twice, and all it holds,
elsewhere."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import (
    CollectionPath,
    Device,
    Dtype,
    ModelName,
    Threads,
    composers_of,
    load_model,
    note,
)
from cli.progress import ProgressBar
from cli.searching import Asking, where
from models.errors import InputError

if TYPE_CHECKING:
    from index.alike.duplicates import Group
    from index.collection import Collection, Snapshot
    from index.export.pictures import Wanted
    from index.filtering.filters import Filter
    from index.items import Failure
    from models.load import Encoder
    from models.query import Question

KINDS = ("vectors", "folder", "webdataset", "collection")
BEST = 100  # of a result set, unless a limit is given

# read by numpy's BLAS, whichever it is, when numpy is imported
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def duplicates(
    collection: CollectionPath,
    above: Annotated[
        float, typer.Option(help="The cosine from which on two pictures are near, at most 1.")
    ] = 0.95,
    threads: Threads = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a group, for programs.")
    ] = False,
) -> None:
    """List groups of near-duplicates: the largest picture of each first, all with their cosine to
    it. Equal files are one picture with several paths."""
    keep_blas_to_the_thread_that_calls()
    from index.alike.duplicates import duplicates as find
    from index.collection import Collection
    from models.machine import available_threads

    pictures = found = 0
    with closing(Collection.open(collection)) as opened, opened.snapshot() as snapshot:
        with ProgressBar("comparing", snapshot.count) as progress:
            groups = find(
                snapshot, above=above, threads=threads or available_threads(), progress=progress
            )
        for found, group in enumerate(groups, start=1):  # noqa: B007
            pictures += len(group.pictures)
            typer.echo(json_of(group) if as_json else text_of(group))
    groups_of = "group" if found == 1 else "groups"
    note(f"{collection}: {pictures} pictures in {found} {groups_of} of near-duplicates")


def keep_blas_to_the_thread_that_calls() -> None:
    """The threads are ours: a BLAS with threads of its own would take more than the budget."""
    for name in BLAS_THREADS:
        os.environ[name] = "1"


def json_of(group: "Group") -> str:
    pictures = [
        {**asdict(picture), "similarity": round(similarity, 6)}
        for picture, similarity in zip(group.pictures, group.similarities, strict=True)
    ]
    return json.dumps({"pictures": pictures}, ensure_ascii=False)


def text_of(group: "Group") -> str:
    lines = [f"{len(group.pictures)} pictures"]
    for picture, similarity in zip(group.pictures, group.similarities, strict=True):
        size = f"{picture.width} x {picture.height}"
        lines.append(f"  {similarity:.4f}  {size:>13}  {'  '.join(picture.paths)}")
    return "\n".join(lines)


def export(
    collection: CollectionPath,
    out: Annotated[Path, typer.Argument(help="A new or an empty folder.")],
    kind: Annotated[str, typer.Option("--as", help=f"One of {', '.join(KINDS)}.")],
    text: Annotated[
        list[str] | None,
        typer.Option(help="Only the pictures that this finds; with --image, the instruction."),
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="Only the pictures that are most like this one.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Pictures at most.", show_default="100 that are found, else all"),
    ] = None,
    metadata: Annotated[
        str | None, typer.Option(help="Of vectors: parquet or jsonl.", show_default="parquet")
    ] = None,
    space: Annotated[
        str | None, typer.Option(help="Of vectors: which, where there are several spaces.")
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", help="Only pictures that satisfy it: JSON, as search takes it."),
    ] = None,
    model: ModelName = None,
    device: Device = None,
    dtype: Dtype = None,
    threads: Threads = None,
) -> None:
    """Write a collection's vectors and metadata, its pictures or those that a query finds, or all
    of it as a collection of its own: a backup, also while it is served or built."""
    from index.collection import Collection

    pictures = {"text": text, "image": image, "limit": limit, "filter": filters, "model": model}
    vectors = {"metadata": metadata, "space": space}
    if kind not in KINDS:
        raise InputError(f"--as {kind}: expected one of {', '.join(KINDS)}")
    if kind == "collection":
        _refuse(kind, {**pictures, **vectors})
        typer.echo(copied_collection(collection, out))
        return
    _refuse(kind, pictures if kind == "vectors" else vectors)
    with closing(Collection.open(collection)) as opened:
        if kind == "vectors":
            with opened.snapshot() as snapshot:
                typer.echo(exported_vectors(snapshot, out, space, metadata))
            return
        question = None
        if text or image:
            asking = Asking(tuple(text or ()), image, (), None, None)
            load = partial(load_model, device=device, dtype=dtype, threads=threads)
            question = question_of(opened, asking, model, load)
        limit = limit or (None if question is None else BEST)
        with opened.snapshot() as snapshot:
            wanted = wanted_pictures(snapshot, question, limit, where(filters or ()))
            typer.echo(exported_pictures(snapshot, wanted, out, kind))


def question_of(
    collection: "Collection", asking: Asking, model: str | None, load: "Callable[[str], Encoder]"
) -> "Question":
    with collection.snapshot() as snapshot:
        reference = model or snapshot.model
    encoder = load(reference)
    return asking.question(encoder, composers_of(encoder, ()))


def copied_collection(collection: Path, out: Path) -> str:
    from index.export.backup import copy_collection

    with ProgressBar("copying", None) as progress:
        copied = copy_collection(collection, out, progress)
    return f"{out}: generation {copied.generation}, {copied.items} pictures, {copied.files} files"


def exported_vectors(
    snapshot: "Snapshot", out: Path, space: str | None, metadata: str | None
) -> str:
    from index.export.vectors import FORMS, export_vectors

    with ProgressBar("writing", snapshot.count) as progress:
        written = export_vectors(
            snapshot, out, space=space, form=metadata or FORMS[0], progress=progress
        )
    return f"{out}: {written.rows} vectors of {written.space} in {written.files} files"


def wanted_pictures(
    snapshot: "Snapshot",
    question: "Question | None",
    limit: int | None,
    condition: "Filter | None",
) -> "Iterator[Wanted]":
    from index.export.pictures import best, everything

    if question is None:
        return islice(everything(snapshot, condition), limit)
    return islice(best(snapshot, question, condition), limit)


def exported_pictures(
    snapshot: "Snapshot", wanted: "Iterator[Wanted]", out: Path, kind: str
) -> str:
    from index.export.pictures import export_folder, export_shards

    gone = 0

    def missing(failure: "Failure") -> None:
        nonlocal gone
        gone += 1
        note(failure.reason)

    write = export_folder if kind == "folder" else export_shards
    written = write(snapshot, wanted, out, missing)
    lost = f", {gone} that cannot be read any more were left out" if gone else ""
    return f"{out}: {written} pictures{lost}"


def _refuse(kind: str, given: Mapping[str, object]) -> None:
    """What would be silently ignored is refused."""
    for name, value in given.items():
        if value:
            raise InputError(f"--{name}: means nothing to --as {kind}")
