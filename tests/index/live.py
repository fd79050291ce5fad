"""Pictures of one colour, added to a collection while it is searched."""

from pathlib import Path
from typing import Any

from index.changes.adding import Added, Addition, LiveChanges
from index.folder import CollectionFolder
from index.items import item_id
from index.jobs.reading import Missing, PictureDecoder
from models.decode import DecodeLimits
from models.encoders import ImageEncoder, by_space
from tests.fakes import ColourEncoder, picture_bytes

Colour = str | tuple[int, int, int]


def changes(out: Path) -> LiveChanges:
    return LiveChanges(CollectionFolder(out))


def addition(
    colour: Colour,
    path: str | None = None,
    *,
    encoder: ImageEncoder | None = None,
    **said: Any,  # noqa: ANN401
) -> Addition:
    encoder, data = encoder or ColourEncoder(), picture_bytes(colour)
    missing = Missing(item_id(data), data, vector=True, thumbnail=True)
    decoded = PictureDecoder(encoder, DecodeLimits())(missing)
    assert decoded.pixels is not None
    (row,) = encoder.encode_images([decoded.pixels])
    vectors = by_space(row, encoder.spaces)
    return Addition(data, decoded.item, vectors, decoded.thumbnail, path, **said)


def add(out: Path, colour: Colour, path: str | None = None, **said: Any) -> Added:  # noqa: ANN401
    (added,) = changes(out).add([addition(colour, path, **said)])
    return added


def id_of(colour: Colour) -> str:
    return item_id(picture_bytes(colour))
