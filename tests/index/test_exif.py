import io
from fractions import Fraction
from typing import Any

import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from index.jobs.exif import Exif, read_exif
from models.decode import DecodeLimits, open_header
from tests.fakes import picture

Tags = dict[int, Any]
BASE, GPS = ExifTags.Base, ExifTags.GPS
OSLO: Tags = {
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (59, 54, 36),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (10, 45, 0),
}


def written(
    base: Tags | None = None,
    exif: Tags | None = None,
    gps: Tags | None = None,
) -> Exif:
    """What is read of a JPEG file with these tags."""
    tags = Image.Exif()
    tags.update(base or {})
    tags.get_ifd(ExifTags.IFD.Exif).update(exif or {})
    tags.get_ifd(ExifTags.IFD.GPSInfo).update(gps or {})
    file = io.BytesIO()
    picture("red").save(file, "JPEG", exif=tags)
    return read_exif(open_header(file.getvalue(), DecodeLimits()))


def test_a_picture_without_exif_says_nothing() -> None:
    assert written() == Exif()


def test_the_time_is_iso_8601_without_an_offset_that_nobody_wrote() -> None:
    taken: Tags = {BASE.DateTimeOriginal: "2023:07:01 12:30:05"}
    assert written(exif=taken).taken_at == "2023-07-01T12:30:05"


def test_the_offset_is_part_of_the_time() -> None:
    taken: Tags = {BASE.DateTimeOriginal: "2023:07:01 12:30:05", BASE.OffsetTimeOriginal: "-03:30"}
    assert written(exif=taken).taken_at == "2023-07-01T12:30:05-03:30"


@pytest.mark.parametrize("offset", ["", "   :  ", "03:00", "+25:00", "Z"])
def test_a_damaged_offset_spoils_only_itself(offset: str) -> None:
    taken: Tags = {BASE.DateTimeOriginal: "2023:07:01 12:30:05", BASE.OffsetTimeOriginal: offset}
    assert written(exif=taken).taken_at == "2023-07-01T12:30:05"


@pytest.mark.parametrize("time", ["", "0000:00:00 00:00:00", "2023:13:01 00:00:00", "yesterday"])
def test_a_damaged_time_is_none(time: str) -> None:
    assert written(exif={BASE.DateTimeOriginal: time}).taken_at is None


def test_the_place_is_in_decimal_degrees() -> None:
    place = written(gps=OSLO)
    assert (place.latitude, place.longitude) == (59.91, 10.75)


def test_south_and_west_are_negative() -> None:
    place = written(gps=OSLO | {GPS.GPSLatitudeRef: "S", GPS.GPSLongitudeRef: "W"})
    assert (place.latitude, place.longitude) == (-59.91, -10.75)


@pytest.mark.parametrize(
    "damage",
    [
        {GPS.GPSLatitude: (91, 0, 0)},
        {GPS.GPSLongitude: (180, 0, 1)},
        {GPS.GPSLatitude: (59, 54)},
        {GPS.GPSLatitude: (IFDRational(0, 0), 0, 0)},
        {GPS.GPSLatitudeRef: ""},
        {GPS.GPSLongitudeRef: "N"},
        {GPS.GPSLatitude: Fraction(59)},
    ],
)
def test_a_damaged_half_of_the_place_spoils_both(damage: Tags) -> None:
    place = written(gps=OSLO | damage)
    assert (place.latitude, place.longitude) == (None, None)


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("NIKON", "D90", "NIKON D90"),
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("Apple", "", "Apple"),
        ("", "Pixel 8", "Pixel 8"),
        ("", "", None),
        ("NIKON\0\0", "D90\0", "NIKON D90"),
    ],
)
def test_the_camera_is_make_and_model_without_doubling_the_make(
    make: str, model: str, camera: str | None
) -> None:
    assert written(base={BASE.Make: make, BASE.Model: model}).camera == camera


@pytest.mark.filterwarnings("ignore:.*EXIF")
@pytest.mark.parametrize("length", range(0, 200, 7))
def test_exif_that_is_cut_off_anywhere_is_never_an_error(length: int) -> None:
    tags = Image.Exif()
    tags[BASE.Make] = "NIKON"
    tags.get_ifd(ExifTags.IFD.GPSInfo).update(OSLO)
    file = io.BytesIO()
    picture("red").save(file, "JPEG", exif=tags.tobytes()[:length])
    read_exif(open_header(file.getvalue(), DecodeLimits()))
