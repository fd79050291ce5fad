"""What the camera wrote: when, where, with what.

Damaged or missing EXIF gives None for what it spoils, never an error. Tags as in CIPA DC-008 (Exif
2.32).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

from models.decode import PILLOW_FAILURES

OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")
MAX_CAMERA = 200


@dataclass(frozen=True)
class Exif:
    taken_at: str | None = None  # ISO 8601, local time of the camera, offset where it is known
    latitude: float | None = None  # decimal degrees, north positive
    longitude: float | None = None  # decimal degrees, east positive
    camera: str | None = None


def read_exif(image: Image.Image) -> Exif:
    """The picture needs only its header read."""
    try:
        exif = image.getexif()
        base: dict[int, Any] = dict(exif)
    except PILLOW_FAILURES:
        return Exif()
    latitude, longitude = _place(_directory(exif, ExifTags.IFD.GPSInfo))
    return Exif(
        taken_at=_taken_at(_directory(exif, ExifTags.IFD.Exif)),
        latitude=latitude,
        longitude=longitude,
        camera=_camera(base),
    )


def _directory(exif: Image.Exif, ifd: ExifTags.IFD) -> Mapping[int, Any]:
    try:
        return dict(exif.get_ifd(ifd))
    except PILLOW_FAILURES:
        return {}


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="ignore")
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value.split("\0")[0] if c.isprintable()).strip()


def _taken_at(tags: Mapping[int, Any]) -> str | None:
    try:
        taken = datetime.strptime(
            _text(tags.get(ExifTags.Base.DateTimeOriginal)), "%Y:%m:%d %H:%M:%S"
        )
    except ValueError:
        return None
    offset = _text(tags.get(ExifTags.Base.OffsetTimeOriginal))
    return taken.isoformat() + (offset if OFFSET.fullmatch(offset) else "")


def _place(tags: Mapping[int, Any]) -> tuple[float, float] | tuple[None, None]:
    latitude = _degrees(tags, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "NS")
    longitude = _degrees(tags, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "EW")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None, None
    return latitude, longitude


def _degrees(tags: Mapping[int, Any], value: int, reference: int, signs: str) -> float | None:
    """Degrees, minutes, seconds and a letter -> signed decimal degrees."""
    letter = _text(tags.get(reference)).upper()
    try:
        degrees, minutes, seconds = (float(part) for part in tags[value])
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None
    total = degrees + minutes / 60 + seconds / 3600
    if letter not in tuple(signs) or not math.isfinite(total) or min(degrees, minutes, seconds) < 0:
        return None
    return round(-total if letter == signs[1] else total, 7)


def _camera(tags: Mapping[int, Any]) -> str | None:
    make, model = _text(tags.get(ExifTags.Base.Make)), _text(tags.get(ExifTags.Base.Model))
    named = model.casefold().startswith(make.casefold())
    return (model if named else f"{make} {model}").strip()[:MAX_CAMERA] or None
