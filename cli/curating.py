"""`pictor duplicates`: what a collection holds nearly twice."""

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import CollectionPath, Threads, note
from cli.progress import ProgressBar

if TYPE_CHECKING:
    from index.duplicates import Group

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
    from index.collection import Collection
    from index.duplicates import duplicates as find
    from models.device import available_threads

    opened = Collection.open(collection)
    pictures = found = 0
    with opened.snapshot() as snapshot:
        with ProgressBar("comparing", snapshot.count) as progress:
            groups = find(
                snapshot, above=above, threads=threads or available_threads(), progress=progress
            )
        for found, group in enumerate(groups, start=1):  # noqa: B007
            pictures += len(group.pictures)
            typer.echo(json_of(group) if as_json else text_of(group))
    opened.close()
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
