"""`pictor search`: one query, answered in this process."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.options import (
    AsJson,
    CollectionPlace,
    Device,
    Dtype,
    ModelName,
    PhiFolders,
    Threads,
    composers_of,
    load_model,
    milvus_token,
    note,
    print_json,
    read_picture,
    warn_of_cut,
)
from models.errors import InputError

if TYPE_CHECKING:
    from index.filtering.filters import Filter
    from index.search import Page
    from index.searching.hybrid import Extent
    from index.served import Snapshot
    from models.composers.registry import Composers
    from models.load import Encoder
    from models.query import Question


EXCLUDE_WEIGHT = 0.5  # as over REST, where it may be chosen

Mode = Literal["vector", "words", "hybrid"]


@dataclass(frozen=True)
class Asking:
    """What the options ask; raises InputError where they ask nothing, or too much."""

    texts: tuple[str, ...]
    image: Path | None
    exclude: tuple[str, ...]
    composer: str | None
    weight: float | None
    mode: Mode = "vector"

    def __post_init__(self) -> None:
        if self.image is None and len(self.texts) != 1:
            raise InputError(
                "give one --text, or an --image, or an --image and what to change in it"
            )
        if self.mode == "words" and self.image is not None:
            raise InputError("--mode words takes a --text and no --image")
        if self.mode == "hybrid" and not self.texts:
            raise InputError("--mode hybrid looks for words too: give a --text")
        if self.mode == "words" and self.exclude:
            raise InputError("--mode words has no similarity to --exclude by")

    def composed_by(self, composers: "Composers") -> str | None:
        """The composer's name; None where nothing is composed."""
        composed = self.image is not None and self.texts
        return composers.named(self.composer, self.weight).name if composed else None

    def question(self, encoder: "Encoder", composers: "Composers") -> "Question":
        from models.query import Excluded, excluding

        rows = encoder.encode_texts(self.exclude)
        for text in self.exclude:
            warn_of_cut(encoder, text)
        parts = [Excluded(encoder.space, row, EXCLUDE_WEIGHT) for row in rows]
        return excluding(self._wanted(encoder, composers), parts)

    def _wanted(self, encoder: "Encoder", composers: "Composers") -> "Question":
        from models.composers.composer import Asked, compose_now
        from models.encoders import by_space
        from models.query import single

        composer, spaces = composers.named(self.composer, self.weight), encoder.spaces
        if self.composer and not (self.image and self.texts):
            note("composer has no effect: it takes a text and an image")
        if self.image is None:
            warn_of_cut(encoder, self.texts[0])
            return single(spaces[0], encoder.encode_texts(self.texts)[0])
        (row,) = encoder.encode_images([read_picture(self.image, encoder)])
        picture = by_space(row, spaces)
        if not self.texts:
            return single(spaces[-1], picture[spaces[-1]], "image")
        asked = Asked(picture, self.texts)
        read = [prompt.text for prompt in composer.prompts(asked)]
        warn_of_cut(encoder, asked.joined, read)
        return compose_now(encoder, composer, [asked])[0]


def where(filters: Sequence[str]) -> "Filter | None":
    """All of them together, each as REST takes it."""
    from index.filtering.filters import parse

    try:
        contents = [json.loads(text) for text in filters]
    except (ValueError, RecursionError) as error:
        raise InputError(f"--filter: not JSON: {error}") from error
    if not contents:
        return None
    return parse(contents[0] if len(contents) == 1 else {"and": contents})


def find(snapshot: "Snapshot", question: "Question", asking: Asking, extent: "Extent") -> "Page":
    from index.search import search as find_vectors
    from index.searching.hybrid import search_hybrid

    if asking.mode == "hybrid":
        return search_hybrid(snapshot, question, " ".join(asking.texts), extent)
    return find_vectors(snapshot, question, limit=extent.limit, where=extent.where)


@dataclass(frozen=True)
class Found:
    page: "Page"
    composer: str | None
    warnings: Sequence[str] = ()


def show(snapshot: "Snapshot", found: Found, as_json: bool) -> None:
    page = found.page
    for warning in found.warnings:
        note(warning)
    items = snapshot.items([hit.id for hit in page.hits])
    rows = [
        {
            "score": round(hit.score, 4),
            "path": items[hit.id].path,
            "id": hit.id,
            "caption": items[hit.id].caption,
        }
        for hit in page.hits
    ]
    if as_json:
        probes = page.query.probes
        space = probes[0].space.name if probes else None
        answer = {"space": space, "composer": found.composer, "warnings": found.warnings}
        print_json(answer | {"hits": rows})
    for row in [] if as_json else rows:
        typer.echo(f"{row['score']:.4f}  {row['path']}")


def search(
    collection: CollectionPlace,
    text: Annotated[
        list[str] | None, typer.Option(help="What to find; with --image, what to change in it.")
    ] = None,
    image: Annotated[Path | None, typer.Option(help="A picture to start from.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Hits at most.")] = 10,
    exclude: Annotated[
        list[str] | None, typer.Option(help="What to stay away from; may be repeated.")
    ] = None,
    composer: Annotated[
        str | None,
        typer.Option(
            help="How picture and text are joined: magiclens, lincir, searle, pic2word, sum, "
            "slerp, basic.",
            show_default="the model's best",
        ),
    ] = None,
    weight: Annotated[
        float | None, typer.Option(help="The composer's weight: 0 to 100 of sum, 0 to 1 of slerp.")
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            help='JSON as over REST: \'{"field": "taken_at", "gte": "2023-05"}\'; repeated, all '
            "must hold.",
        ),
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option(help="Look for a text by what pictures show, by captions and paths, or both."),
    ] = "vector",
    phi: PhiFolders = None,
    model: ModelName = None,
    device: Device = None,
    dtype: Dtype = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Search a collection by text, by picture, or by both."""
    from index.searching.hybrid import Extent, search_words
    from index.served import open_collection

    asking = Asking(tuple(text or ()), image, tuple(exclude or ()), composer, weight, mode)
    extent = Extent(limit=limit, where=where(filters or ()))
    with closing(open_collection(collection, token=milvus_token())) as opened:
        if mode == "words":
            with opened.snapshot() as snapshot:
                page = search_words(snapshot, asking.texts[0], extent)
                show(snapshot, Found(page, None, snapshot.unknown_fields(extent.where)), as_json)
            return
        with opened.snapshot() as snapshot:
            reference = model or snapshot.model
        encoder = load_model(reference, device, dtype, threads)
        composers = composers_of(encoder, phi or ())
        question = asking.question(encoder, composers)
        with opened.snapshot() as snapshot:
            page = find(snapshot, question, asking, extent)
            warnings = snapshot.unknown_fields(extent.where)
            show(snapshot, Found(page, asking.composed_by(composers), warnings), as_json)
