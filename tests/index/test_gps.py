"""Files without the place that they were taken at, otherwise as they were."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from index.gps import tiff
from index.gps.patches import Edit, Patch
from index.gps.removal import without_place
from index.gps.xmp import tells_a_place, without_gps
from models.errors import WithheldError

GPS = ExifTags.GPS
PLACE: dict[int, Any] = {
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (59, 54, 36),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (10, 45, 0),
}
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description exif:GPSLatitude="59,54.6N" '
    b"xmp:Rating=\"5\" drone-dji:GpsLongitude='10.75'><exif:GPSAltitude>7/1</exif:GPSAltitude>"
    b"<dc:title>Oslo</dc:title><geo:lat_long/></rdf:Description></x:xmpmeta>"
)
FORMATS = ("JPEG", "PNG", "WEBP", "MPO")


def exif() -> Image.Exif:
    tags = Image.Exif()
    tags[ExifTags.Base.Make] = "Maker"
    tags[ExifTags.Base.Software] = "a longer text, which lies outside of its entry"
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2023:05:01 10:00:00"
    tags.get_ifd(ExifTags.IFD.GPSInfo).update(PLACE)
    return tags


def photo() -> Image.Image:
    pixels = np.random.default_rng(3).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def written(format: str, **more: Any) -> bytes:  # noqa: A002, ANN401
    file = io.BytesIO()
    if format == "MPO":
        more |= {"save_all": True, "append_images": [photo().rotate(180)]}
    if format == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        text.add_text("Comment", "GPS 59.91, 10.75")
        text.add_text("Author", "Ann")
        text.add_text("Raw profile type exif", "\nexif\n 4\n4d4d\n", zip=True)
        more |= {"pnginfo": text}
    else:
        more |= {"xmp": XMP}
    photo().save(file, format, exif=exif(), **more)
    return file.getvalue()


def edited(data: bytes, format: str) -> bytes:  # noqa: A002
    return without_place(data, format).over(0, data)


def facts(data: bytes) -> tuple[dict[int, Any], dict[int, Any], dict[int, Any]]:
    tags = Image.open(io.BytesIO(data)).getexif()
    return (
        dict(tags),
        dict(tags.get_ifd(ExifTags.IFD.Exif)),
        dict(tags.get_ifd(ExifTags.IFD.GPSInfo)),
    )


@pytest.mark.parametrize("format", FORMATS)
def test_the_place_is_gone_and_all_else_is_as_it_was(format: str) -> None:  # noqa: A002
    data = written(format)
    base, taken, place = facts(data)
    assert place
    after = edited(data, format)
    kept, still_taken, no_place = facts(after)
    assert (no_place, still_taken) == ({}, taken)
    assert kept == {tag: value for tag, value in base.items() if tag != ExifTags.IFD.GPSInfo}
    assert len(after) == len(data)
    before, now = (
        np.asarray(Image.open(io.BytesIO(each)).convert("RGB")) for each in (data, after)
    )
    assert np.array_equal(before, now)
    assert not tells_a_place(after)
    assert b"Oslo" in after and b'xmp:Rating="5"' in after


def test_every_picture_of_a_file_is_edited_and_what_follows_is_left_off() -> None:
    data = written("MPO")
    after = edited(data + b"\0\0 a film, shot at 59.91, 10.75 \xff\xd8\xff\xe1 ftyp", "MPO")
    assert len(after) == len(data)
    second = Image.open(io.BytesIO(after))
    second.seek(1)
    second.load()
    assert after.count(b"\xff\xd9") == data.count(b"\xff\xd9") >= 2
    for format in ("PNG", "WEBP"):  # noqa: A001
        whole = written(format)
        assert len(edited(whole + b"more", format)) == len(whole)


def test_a_part_of_a_file_is_edited_as_the_whole_is() -> None:
    data = written("JPEG")
    edit, after = without_place(data, "JPEG"), edited(data, "JPEG")
    for first in range(0, len(data), 7):
        part = data[first : first + 13]
        assert edit.over(first, part) == after[first : first + 13]


def test_patches_lie_over_the_part_that_they_touch() -> None:
    edit = Edit(6, (Patch(2, b"XY"),))
    assert edit.over(0, b"abcdefgh") == b"abXYef"
    assert (edit.over(3, b"de"), edit.over(6, b"gh"), edit.over(5, b"fg")) == (b"Ye", b"", b"f")


def test_a_file_without_a_place_is_not_touched() -> None:
    for format in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):  # noqa: A001
        file = io.BytesIO()
        photo().save(file, format)
        assert without_place(file.getvalue(), format) == Edit(len(file.getvalue()))


def test_both_orders_of_bytes_are_read() -> None:
    def tiff_of(order: str) -> bytes:
        tags = Image.Exif()
        tags.endian = order
        tags.update(exif())
        tags.get_ifd(ExifTags.IFD.GPSInfo).update(PLACE)
        return tags.tobytes()[6:]

    for order, mark in (("<", b"II"), (">", b"MM")):
        held = tiff_of(order)
        assert held[:2] == mark
        loaded = Image.Exif()
        loaded.load(b"Exif\0\0" + tiff.without_gps(held))
        assert dict(loaded.get_ifd(ExifTags.IFD.GPSInfo)) == {}
        assert loaded[ExifTags.Base.Make] == "Maker"


@pytest.mark.parametrize("format", ["HEIF", "AVIF", "TIFF", "ICO"])
def test_a_format_that_is_not_read_is_withheld(format: str) -> None:  # noqa: A002
    with pytest.raises(WithheldError, match=format):
        without_place(b"", format)


def test_xmp_of_another_encoding_is_blanked_altogether() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        packet = XMP.decode().encode(encoding)
        assert without_gps(packet) == b" " * len(packet)
    assert without_gps(b"<dc:title>Oslo</dc:title>") == b"<dc:title>Oslo</dc:title>"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_spoiled_file_is_edited_to_its_length_or_withheld(data: st.DataObject) -> None:
    format = data.draw(st.sampled_from(FORMATS))  # noqa: A001
    held = bytearray(written(format))
    for _ in range(data.draw(st.integers(1, 8))):
        held[data.draw(st.integers(0, min(len(held), 900) - 1))] = data.draw(st.integers(0, 255))
    spoiled = bytes(held[: data.draw(st.sampled_from([len(held), 40, 500]))])
    try:
        edit = without_place(spoiled, format)
    except WithheldError:
        return
    assert edit.length <= len(spoiled)
    assert len(edit.over(0, spoiled)) == edit.length


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"II*\0", b"MM\0*", b""]))
def test_any_exif_is_as_long_as_before(content: bytes, start: bytes) -> None:
    assert len(tiff.without_gps(start + content)) == len(start + content)
