"""Any picture file becomes one upright RGB picture in sRGB, or a clear error."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from models.decode import DecodeLimits, decode
from models.errors import ImageError, ImageTooLargeError
from tests.fakes import picture, picture_bytes

ORIENTATION = 0x0112


def pixel(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    return tuple(int(sample) for sample in np.asarray(image)[y, x])


def encoded(image: Image.Image, format: str, **options: object) -> bytes:  # noqa: A002
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"])
def test_every_promised_format_is_read(name: str) -> None:
    image = decode(picture_bytes("red", format=name))
    assert (image.mode, image.size) == ("RGB", (32, 24))
    red, green, blue = pixel(image, 16, 12)
    assert red > 230 and green < 25 and blue < 25


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"]
)
def test_every_colour_mode_becomes_rgb(mode: str) -> None:
    grey = Image.new("L", (8, 8), 128)
    image = grey.convert("RGBA").convert("PA") if mode == "PA" else None
    image = image or (Image.new("I;16", (8, 8), 32896) if mode == "I;16" else grey.convert(mode))
    if mode == "I":
        image = image.point(lambda sample: sample * 257)
    decoded = decode(encoded(image, "TIFF"))
    assert decoded.mode == "RGB"
    expected = {"1": 255}.get(mode, 128)
    assert abs(pixel(decoded, 4, 4)[0] - expected) <= 3 or mode == "1"


def test_a_sixteen_bit_png_keeps_its_brightness() -> None:
    samples = np.full((6, 6), 40000, dtype=np.uint16)
    assert pixel(decode(encoded(Image.fromarray(samples), "PNG")), 3, 3) == (156, 156, 156)


@pytest.mark.parametrize(
    ("orientation", "corner"), [(1, "red"), (3, "blue"), (6, "green"), (8, "yellow")]
)
def test_exif_orientation_is_applied(orientation: int, corner: str) -> None:
    image = Image.new("RGB", (40, 20))
    for box, colour in {
        (0, 0): "red",
        (20, 0): "yellow",
        (0, 10): "green",
        (20, 10): "blue",
    }.items():
        image.paste(picture(colour, (20, 10)), box)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    upright = decode(encoded(image, "PNG", exif=exif))
    assert upright.size == ((40, 20) if orientation in (1, 3) else (20, 40))
    assert pixel(upright, 2, 2) == pixel(picture(corner), 0, 0)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_on_white(mode: str) -> None:
    clear = Image.new("RGBA", (8, 8), (10, 20, 30, 0)).convert("RGBA" if mode == "P" else mode)
    data = encoded(clear, "GIF" if mode == "P" else "PNG")
    assert pixel(decode(data), 4, 4) == (255, 255, 255)


def test_a_wide_gamut_profile_is_converted_to_srgb() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    image = Image.new("LAB", (8, 8), (200, 128, 128))
    red, green, blue = pixel(decode(encoded(image, "TIFF", icc_profile=lab)), 4, 4)
    assert abs(red - green) < 8 and abs(green - blue) < 8


def test_a_damaged_profile_leaves_the_samples_as_they_are() -> None:
    data = encoded(picture("red"), "PNG", icc_profile=b"not a profile")
    assert pixel(decode(data), 3, 3) == (255, 0, 0)


def test_an_animation_gives_its_first_frame() -> None:
    frames = [picture("green"), picture("blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pixel(decode(data), 3, 3) == (0, 255, 0)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "BMP"])
def test_a_picture_cut_short_is_refused(name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), name)
    with pytest.raises(ImageError):
        decode(data[: len(data) * 2 // 3])


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xd8\xff", b"<svg></svg>", b"GIF89a"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError):
        decode(data)


def test_the_pixel_limit_is_read_from_the_header() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(ImageTooLargeError, match="60000 x 60000"):
        decode(bomb)


def test_the_byte_limit_comes_before_anything_is_read() -> None:
    with pytest.raises(ImageTooLargeError, match="limit is 10"):
        decode(picture_bytes("red"), DecodeLimits(max_bytes=10))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_gives_a_picture_or_an_image_error(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"]))
    damaged = bytearray(picture_bytes("blue", format=name))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert decode(bytes(damaged)).mode == "RGB"
    except ImageError as error:
        assert "\n" not in str(error)
