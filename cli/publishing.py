"""`pictor publish`: a folder's collection into Milvus, for services that outgrow one machine."""

from contextlib import closing
from typing import Annotated

import typer

from cli.options import CollectionPath, milvus_token, note
from cli.progress import ProgressBar
from models.errors import InputError


def publish(
    collection: CollectionPath,
    to: Annotated[
        str,
        typer.Option(
            "--to", help="milvus://HOST:PORT/NAME, or milvus:///PATH/FILE.db/NAME of Milvus Lite."
        ),
    ],
    index: Annotated[
        str | None,
        typer.Option(
            help="FLAT, HNSW, IVF_FLAT, IVF_SQ8, DISKANN or AUTOINDEX.",
            show_default="FLAT to 50,000 pictures, then HNSW",
        ),
    ] = None,
    shards: Annotated[int, typer.Option(min=1, max=64, help="Parts that writes go to.")] = 1,
) -> None:
    """Publish a collection into Milvus; `pictor serve` and `search` take the same address.

    A new generation is written beside the one that is served, and takes its place at once. What
    was added and deleted in Milvus meanwhile is brought into the folder first. A token for Milvus
    is taken from PICTOR_MILVUS_TOKEN.
    """
    from index.collection import Collection
    from index.milvus.address import parse_address
    from index.milvus.forms import KINDS
    from index.milvus.publishing import Publishing
    from index.milvus.publishing import publish as publish_to

    if index is not None and index not in KINDS:
        raise InputError(f"--index {index}: expected one of {', '.join(KINDS)}")
    how = Publishing(None if index is None else KINDS[index], shards)
    with closing(Collection.open(collection)) as opened, opened.snapshot() as snapshot:
        count = snapshot.count
    with ProgressBar("publishing", count) as advance:
        told = publish_to(
            collection, parse_address(to), token=milvus_token(), how=how, progress=advance
        )
    note(
        f"{told.items} pictures are generation {told.generation} at {to}, index {told.index}; "
        f"{told.brought} added there before were brought into the folder, {told.carried} changes "
        "made meanwhile were carried over"
    )
