"""Folders of one-coloured pictures, and collections built of them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from index.collection import Collection
from index.job import JobOptions, Progress, Report, build_collection
from index.sources import FolderSource, Root
from models.decode import DecodeLimits
from models.encoders import ImageEncoder
from tests.fakes import ColourEncoder, picture_bytes


def save(
    folder: Path, name: str, colour: str | tuple[int, int, int], size: tuple[int, int] = (32, 24)
) -> Path:
    """A picture file, in the format that its extension names."""
    formats = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(picture_bytes(colour, size, formats[name.rsplit(".", 1)[-1].lower()]))
    return file


def source(folder: Path, name: str | None = None) -> FolderSource:
    return FolderSource(Root(name or folder.name, folder))


def build(
    out: Path,
    *folders: Path,
    encoder: ImageEncoder | None = None,
    progress: Callable[[Progress], None] | None = None,
    limits: DecodeLimits | None = None,
) -> Report:
    """Each folder is a source of its own name."""
    return build_collection(
        out,
        [source(folder) for folder in folders],
        encoder or ColourEncoder(),
        model="colours",
        options=JobOptions(threads=2, batch_size=4, limits=limits or DecodeLimits()),
        progress=progress,
    )


def execute(collection: Path, statement: str, *values: object) -> None:
    """Change a catalogue behind Pictor's back."""
    with closing(sqlite3.connect(collection / "catalogue.sqlite")) as connection, connection:
        connection.execute(statement, values)


def contents(out: Path) -> dict[str, tuple[str, ...]]:
    """What a collection holds: the paths of each item, by id."""
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        held = snapshot.gallery.ids(snapshot.gallery.rows)
        found = {id_: item.paths for id_, item in snapshot.items(held).items()}
    collection.close()
    return found


def failures(out: Path) -> list[tuple[str, str]]:
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        found = [(failure.path, failure.reason) for failure in snapshot.failures()]
    collection.close()
    return found
