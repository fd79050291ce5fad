"""JPEG files without the place in their EXIF and XMP; also several pictures one behind the other.

What follows the last picture (a phone's film of the moment, say) is left off, since it may tell the
place in ways of its own. ITU T.81 for the segments; Adobe's XMP Specification, part 3, for XMP.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from index.gps import tiff, xmp
from index.gps.patches import Edit, Patch
from models.errors import WithheldError

START, END, SCAN = 0xD8, 0xD9, 0xDA
APPLICATION = range(0xE1, 0xF0)
COMMENT = 0xFE
ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
EXIF = b"Exif\0\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
PLAIN = (b"ICC_PROFILE\0", b"MPF\0", b"Adobe")
NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # in what a scan codes there is none


class _Broken(Exception):
    """No JPEG, or not from here on."""


@dataclass(frozen=True)
class Segment:
    marker: int
    first: int  # of its content
    end: int


def edit(data: bytes) -> Edit:
    patches: list[Patch] = []
    at, length = 0, 0
    while at >= 0:
        try:
            found = list(_segments(data, at))
        except _Broken as error:
            if not length:
                raise WithheldError("a JPEG that is damaged") from error
            break
        # what lies between two pictures is nobody's
        patches.append(Patch(length, bytes(at - length)))
        patches += [_patch(data, segment) for segment in found if segment.marker != END]
        length = found[-1].end
        at = data.find(b"\xff\xd8\xff", length)
    return Edit.of(data, length, patches)


def _segments(data: bytes, at: int) -> Iterator[Segment]:
    """Of one picture, its end included; of one that is never ended, the end of the data."""
    if data[at : at + 2] != bytes((0xFF, START)):
        raise _Broken
    at += 2
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1  # filling
        if at + 2 > len(data) or data[at] != 0xFF:
            raise _Broken
        marker, at = data[at + 1], at + 2
        if marker == END:
            yield Segment(END, at, at)
            return
        if marker in ALONE:
            continue
        size = int.from_bytes(data[at : at + 2], "big")
        if size < 2 or at + size > len(data):
            raise _Broken
        yield Segment(marker, at + 2, at + size)
        at += size
        if marker == SCAN:
            following = NEXT_MARKER.search(data, at)
            if following is None:
                yield Segment(END, len(data), len(data))
                return
            at = following.start()


def _patch(data: bytes, segment: Segment) -> Patch:
    held = data[segment.first : segment.end]
    if segment.marker not in (*APPLICATION, COMMENT) or held.startswith(PLAIN):
        return Patch(segment.first, held)
    if held.startswith(EXIF):
        return Patch(segment.first, EXIF + tiff.without_gps(held[len(EXIF) :]))
    if held.startswith(XMP):
        return Patch(segment.first, XMP + xmp.without_gps(held[len(XMP) :]))
    if held.startswith(b"http://ns.adobe.com/xmp/extension/\0") or xmp.tells_a_place(held):
        return Patch(segment.first, bytes(len(held)))
    return Patch(segment.first, held)
