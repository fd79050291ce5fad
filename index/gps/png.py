"""PNG files without the place in their EXIF and XMP.

Text that tells of a place, and EXIF that is written as text, become chunks that nobody reads. What
follows the end is left off. PNG, third edition (W3C), for the chunks.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from index.gps import tiff, xmp
from index.gps.patches import Edit, Patch
from models.errors import WithheldError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
UNREAD = b"piCx"  # ancillary, private
XMP = b"XML:com.adobe.xmp\0"
AS_TEXT = b"Raw profile type"


@dataclass(frozen=True)
class Chunk:
    first: int  # of its kind, which its content follows
    kind: bytes
    data: bytes


def edit(data: bytes) -> Edit:
    chunks = list(_chunks(data))
    return Edit.of(data, chunks[-1].first + 8, [_patch(chunk) for chunk in chunks])


def _chunks(data: bytes) -> Iterator[Chunk]:
    at = len(SIGNATURE)
    while data.startswith(SIGNATURE):
        size = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 12 + size
        if end > len(data):
            break
        yield Chunk(at + 4, kind, data[at + 8 : end - 4])
        if kind == b"IEND":
            return
        at = end
    raise WithheldError("a PNG that is damaged")


def _patch(chunk: Chunk) -> Patch:
    kind, data = chunk.kind, chunk.data
    if kind == b"eXIf":
        data = tiff.without_gps(data)
    elif kind in TEXTS and data.startswith(XMP + b"\0"):  # not compressed
        held = xmp.without_gps(data[len(XMP) :])
        kind, data = (UNREAD, bytes(len(data))) if held.isspace() else (kind, XMP + held)
    elif kind in TEXTS and _may_tell(chunk):
        kind, data = UNREAD, bytes(len(data))
    checked = zlib.crc32(kind + data).to_bytes(4, "big")
    if (kind, data) == (chunk.kind, chunk.data):
        return Patch(chunk.first, b"")
    return Patch(chunk.first, kind + data + checked)


def _may_tell(chunk: Chunk) -> bool:
    plain = chunk.kind == b"tEXt" or (chunk.kind == b"iTXt" and not _is_compressed(chunk.data))
    return chunk.data.startswith((XMP, AS_TEXT)) or not plain or xmp.tells_a_place(chunk.data)


def _is_compressed(international: bytes) -> bool:
    _, _, rest = international.partition(b"\0")
    return rest[:1] != b"\0"
