"""`pictor search`: one query, answered in this process."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import (
    AsJson,
    CollectionPath,
    Device,
    Dtype,
    ModelName,
    Threads,
    load_model,
    print_json,
    read_picture,
)
from models.errors import InputError

if TYPE_CHECKING:
    from models.composers import Query
    from models.openclip_encoder import OpenClipEncoder


def search(
    collection: CollectionPath,
    text: Annotated[
        list[str] | None, typer.Option(help="What to find; with --image, what to change in it.")
    ] = None,
    image: Annotated[Path | None, typer.Option(help="A picture to start from.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Hits at most.")] = 10,
    composer: Annotated[
        str, typer.Option(help="How picture and text are joined: sum, slerp.")
    ] = "sum",
    weight: Annotated[float | None, typer.Option(help="The composer's weight.")] = None,
    model: ModelName = None,
    device: Device = None,
    dtype: Dtype = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Search a collection by text, by picture, or by both."""
    from index.collection import Collection
    from index.search import search as find

    opened = Collection.open(collection)
    with opened.snapshot() as snapshot:
        encoder = load_model(model or snapshot.model, device, dtype, threads)
        query = make_query(encoder, text or [], image, (composer, weight))
        hits = find(snapshot, query, limit=limit).hits
        items = snapshot.items([hit.id for hit in hits])
    opened.close()
    rows = [
        {
            "score": round(hit.score, 4),
            "path": items[hit.id].path,
            "id": hit.id,
            "caption": items[hit.id].caption,
        }
        for hit in hits
    ]
    if as_json:
        print_json({"space": encoder.space.name, "hits": rows})
    for row in [] if as_json else rows:
        typer.echo(f"{row['score']:.4f}  {row['path']}")


def make_query(
    encoder: "OpenClipEncoder",
    texts: list[str],
    image: Path | None,
    composing: tuple[str, float | None],
) -> "Query":
    from models.composers import composer_named, single

    composer = composer_named(*composing)
    if image is None:
        if len(texts) != 1:
            raise InputError(
                "give one --text, or an --image, or an --image and what to change in it"
            )
        return single(encoder.space, encoder.encode_texts(texts)[0])
    embedding = encoder.encode_images([encoder.prepare(read_picture(image))])[0]
    if not texts:
        return single(encoder.space, embedding)
    return composer.compose(encoder.space, embedding, list(encoder.encode_texts(texts)))
