"""One found file to what the collection keeps of it: the work of a job's threads.

A file is read once; what its content already has (a catalogue row, a thumbnail, a vector) is not
made again, and a content that turns up twice in one job is decoded once.
"""

import threading
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from PIL import Image

from index.exif import read_exif
from index.folder import CollectionFolder
from index.found import FoundImage
from index.items import Item, item_id
from index.thumbnails import thumbnail
from models.decode import DecodeLimits, decode, open_header
from models.encoders import ImageEncoder
from models.errors import ImageError
from models.preprocess import Pixels

# an MPO is a JPEG with further pictures behind it, and every reader takes it for one
FORMATS = {"MPO": "JPEG"}


@dataclass(frozen=True)
class Reading:
    found: FoundImage
    id: str
    item: Item | None = None  # None where the collection, or this job, has it already
    pixels: Pixels | None = None  # None where it has a vector already
    refused: str | None = None  # why its content will not do


class PictureReader:
    def __init__(  # noqa: PLR0913
        self,
        encoder: ImageEncoder,
        limits: DecodeLimits,
        folder: CollectionFolder,
        *,
        catalogued: AbstractSet[str],
        embedded: AbstractSet[str],
        thumbnails: bool = True,
    ) -> None:
        self._encoder = encoder
        self._limits = limits
        self._folder = folder
        self._catalogued = catalogued
        self._embedded = embedded
        self._thumbnails = thumbnails
        self._taken: set[str] = set()
        self._taking = threading.Lock()

    def read(self, found: FoundImage) -> Reading:
        """Raises ImageError for a file that cannot be read, CollectionError where the collection
        cannot be written to."""
        data = found.read(self._limits.max_bytes)
        id_ = item_id(data)
        if not self._take(id_):
            return Reading(found, id_)
        lacks_thumbnail = self._thumbnails and not self._folder.thumbnail(id_).is_file()
        if id_ in self._embedded and id_ in self._catalogued and not lacks_thumbnail:
            return Reading(found, id_)
        try:
            header = open_header(data, self._limits)
            image = decode(data, self._limits)
        except ImageError as error:
            return Reading(found, id_, refused=str(error))
        if lacks_thumbnail:
            self._folder.stage_thumbnail(id_, thumbnail(image))
        pixels = None if id_ in self._embedded else self._encoder.prepare(image)
        return Reading(found, id_, _item(id_, data, header, image), pixels)

    def _take(self, id_: str) -> bool:
        """Whether this is the first file with that content."""
        with self._taking:
            first = id_ not in self._taken
            self._taken.add(id_)
        return first


def _item(id_: str, data: bytes, header: Image.Image, image: Image.Image) -> Item:
    exif = read_exif(header)
    return Item(
        id=id_,
        bytes=len(data),
        width=image.width,
        height=image.height,
        format=FORMATS.get(header.format or "", header.format or ""),
        taken_at=exif.taken_at,
        latitude=exif.latitude,
        longitude=exif.longitude,
        camera=exif.camera,
    )
