"""A file without the place it was taken at, by its format.

without_place(data, format) -> Edit, which leaves every pixel's bytes as they are. JPEG (with MPO),
PNG and WebP are edited; GIF and BMP hold no EXIF. Raises WithheldError for any other format, for a
file that is damaged, and for a GIF with XMP.
"""

from collections.abc import Callable

from index.gps import jpeg, png, webp
from index.gps.patches import Edit
from models.errors import WithheldError

XMP_IN_GIF = b"XMP DataXMP"


def _without_exif(data: bytes) -> Edit:
    if XMP_IN_GIF in data:
        raise WithheldError("a GIF with XMP, which may say where it was made")
    return Edit(len(data))


EDITS: dict[str, Callable[[bytes], Edit]] = {
    "JPEG": jpeg.edit,
    "MPO": jpeg.edit,
    "PNG": png.edit,
    "WEBP": webp.edit,
    "GIF": _without_exif,
    "BMP": _without_exif,
}


def without_place(data: bytes, format: str) -> Edit:  # noqa: A002
    if format not in EDITS:
        raise WithheldError(f"a file of format {format} may say where it was taken")
    return EDITS[format](data)
