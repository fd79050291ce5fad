"""WebP files without the place in their EXIF and XMP; RFC 9649 for the chunks."""

from collections.abc import Iterator

from index.gps import tiff, xmp
from index.gps.patches import Edit, Patch
from models.errors import WithheldError

PREFIX = b"Exif\0\0"  # which some writers put before it, as in a JPEG


def edit(data: bytes) -> Edit:
    end = 8 + int.from_bytes(data[4:8], "little")
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or end > len(data):
        raise WithheldError("a WebP that is damaged")
    return Edit.of(data, end, _patches(data, end))


def _patches(data: bytes, end: int) -> Iterator[Patch]:
    at = 12
    while at < end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        held = data[at + 8 : at + 8 + size]
        if at + 8 + size > end:
            raise WithheldError("a WebP that is damaged")
        if data[at : at + 4] == b"EXIF":
            prefix = PREFIX if held.startswith(PREFIX) else b""
            yield Patch(at + 8, prefix + tiff.without_gps(held[len(prefix) :]))
        elif data[at : at + 4] == b"XMP ":
            yield Patch(at + 8, xmp.without_gps(held))
        at += 8 + size + size % 2
