"""One found file to what the collection keeps of it: the work of a job's threads and decoders.

A thread reads and hashes the file; what its content already has (a catalogue row, a thumbnail, a
vector) is not made again, and a content that turns up twice in one job is decoded once. Decoding,
resizing and thumbnails are the decoder processes' part.
"""

from dataclasses import dataclass

from PIL import Image

from index.found import FoundImage
from index.items import Item, item_id
from index.jobs.decoders import Decoders
from index.jobs.exif import read_exif
from index.jobs.known import Known
from index.jobs.thumbnails import thumbnail
from models.decode import DecodeLimits, open_header, upright_size
from models.encoders import Preparer
from models.errors import ImageError
from models.preprocess import Pixels

# an MPO is a JPEG with further pictures behind it, and every reader takes it for one
FORMATS = {"MPO": "JPEG"}


@dataclass(frozen=True)
class Missing:
    """A picture that a decoder is to make something of."""

    id: str
    data: bytes
    vector: bool
    thumbnail: bool


@dataclass(frozen=True)
class Decoded:
    item: Item  # without its occurrences
    thumbnail: bytes | None
    pixels: Pixels | None


@dataclass(frozen=True)
class Reading:
    found: FoundImage
    id: str
    decoded: Decoded | None = None  # None where the collection, or this job, has all of it
    refused: str | None = None  # why its content will not do


@dataclass(frozen=True)
class PictureDecoder:
    """What a decoder process does."""

    encoder: Preparer
    limits: DecodeLimits

    def __call__(self, missing: Missing) -> Decoded:
        """Raises ImageError for a picture that cannot be read whole, or is over a limit."""
        header = open_header(missing.data, self.limits)
        image = self.encoder.decode(missing.data, self.limits)
        return Decoded(
            item=_item(missing.id, missing.data, header, image),
            thumbnail=thumbnail(image) if missing.thumbnail else None,
            pixels=self.encoder.prepare(image) if missing.vector else None,
        )


@dataclass(frozen=True)
class PictureReader:
    known: Known
    decoders: Decoders[Missing, Decoded]
    limits: DecodeLimits

    def read(self, found: FoundImage) -> Reading:
        """Raises ImageError for a file that cannot be read."""
        data = found.read(self.limits.max_bytes)
        id_ = item_id(data)
        lacks = self.known.take(id_)
        if not lacks:
            return Reading(found, id_)
        missing = Missing(id_, data, vector=lacks.vector, thumbnail=lacks.thumbnail)
        try:
            return Reading(found, id_, self.decoders.decode(missing))
        except ImageError as error:
            return Reading(found, id_, refused=str(error))


def _item(id_: str, data: bytes, header: Image.Image, image: Image.Image) -> Item:
    exif = read_exif(header)
    is_whole = header.size in (image.size, image.size[::-1])
    width, height = image.size if is_whole else upright_size(header)
    return Item(
        id=id_,
        bytes=len(data),
        width=width,
        height=height,
        format=FORMATS.get(header.format or "", header.format or ""),
        taken_at=exif.taken_at,
        latitude=exif.latitude,
        longitude=exif.longitude,
        camera=exif.camera,
    )
