"""`pictor search`: one query, answered in this process."""

from dataclasses import dataclass
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
    from models.composers import Composer, Query
    from models.openclip_encoder import OpenClipEncoder


@dataclass(frozen=True)
class Asking:
    """What the options ask; raises InputError where they ask nothing, or too much."""

    texts: tuple[str, ...]
    image: Path | None
    composer: "Composer"

    def __post_init__(self) -> None:
        if self.image is None and len(self.texts) != 1:
            raise InputError(
                "give one --text, or an --image, or an --image and what to change in it"
            )

    def query(self, encoder: "OpenClipEncoder") -> "Query":
        from models.composers import single

        texts = list(encoder.encode_texts(self.texts))
        if self.image is None:
            return single(encoder.space, texts[0])
        embedding = encoder.encode_images([encoder.prepare(read_picture(self.image))])[0]
        if not texts:
            return single(encoder.space, embedding)
        return self.composer.compose(encoder.space, embedding, texts)


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
    from models.composers import composer_named

    opened = Collection.open(collection)
    with opened.snapshot() as snapshot:
        reference = model or snapshot.model
    asking = Asking(tuple(text or ()), image, composer_named(composer, weight))
    encoder = load_model(reference, device, dtype, threads)
    query = asking.query(encoder)
    with opened.snapshot() as snapshot:
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
