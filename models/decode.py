"""Bytes of a picture file to one upright RGB picture in sRGB.

decode(data) -> PIL image, mode RGB, first frame, EXIF orientation applied, ICC profile converted to
sRGB, transparency on white, 16-bit and float samples scaled to 8. Byte and pixel limits are checked
before any pixel is decoded. Raises ImageTooLargeError over a limit, ImageError for anything that is
not a picture of a known format or cannot be read whole.

With `least_side`, a JPEG is decoded at the smallest of 1/2, 1/4 and 1/8 of its size, if any, that
leaves both sides at least so long: several times as fast, and nearly the same picture.
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageCms, ImageOps

from models.errors import ImageError, ImageTooLargeError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF")
# Pillow opens an MPO, a camera JPEG with further views, as a JPEG
EXTENSIONS = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".png",
        ".webp",
        ".gif",
        ".tif",
        ".tiff",
        ".bmp",
        ".avif",
        ".heic",
        ".heif",
        ".hif",
    ]
)

# What Pillow and its plugins are known to raise on malformed files.
PILLOW_FAILURES = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
)

TURNED = (5, 6, 7, 8)  # by a quarter, of EXIF's orientations
WHITE = (255, 255, 255, 255)
MAX_WHY_CHARS = 300


@dataclass(frozen=True)
class DecodeLimits:
    max_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 100_000_000


@cache
def _prepare_pillow() -> None:
    pillow_heif.register_heif_opener()
    # Pillow's own limit warns or raises by a global; `_open` checks ours on every picture instead
    Image.MAX_IMAGE_PIXELS = None
    # remarks on damaged metadata; what cannot be read whole raises
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*")


def decode(
    data: bytes, limits: DecodeLimits | None = None, *, least_side: int | None = None
) -> Image.Image:
    """One picture file's bytes -> RGB picture."""
    limits = limits or DecodeLimits()
    image = open_header(data, limits)
    try:
        if least_side is not None:
            image.draft(None, (least_side, least_side))
        image.load()
        image = _upright(image)
        image = _to_srgb(image)
        return _flatten(image)
    except PILLOW_FAILURES as error:
        # a decoder's own words can be several lines, with what the file says in them
        why = " ".join(str(error).split())[:MAX_WHY_CHARS]
        raise ImageError(f"picture cannot be read whole: {why}") from error


def open_header(data: bytes, limits: DecodeLimits) -> Image.Image:
    """The picture with its header read and its pixels not yet; raises as `decode` does."""
    _prepare_pillow()
    if len(data) > limits.max_bytes:
        raise ImageTooLargeError(f"picture has {len(data)} bytes, the limit is {limits.max_bytes}")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size
    except PILLOW_FAILURES as error:
        raise ImageError("not a picture of a known format, or its header is damaged") from error
    if width * height > limits.max_pixels:
        raise ImageTooLargeError(
            f"picture has {width} x {height} pixels, the limit is {limits.max_pixels}"
        )
    return image


def upright_size(header: Image.Image) -> tuple[int, int]:
    """Width and height of the whole picture, from the header of a JPEG."""
    width, height = header.size
    try:
        turned = header.getexif().get(ExifTags.Base.Orientation) in TURNED
    except PILLOW_FAILURES:
        turned = False
    return (height, width) if turned else (width, height)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except PILLOW_FAILURES:
        return image  # damaged EXIF says nothing about the pixels, which were read whole


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "L", "CMYK", "LAB"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        # rebuilding RGBA from its converted colours keeps the alpha that lcms would drop
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        colours = image.convert("RGB") if alpha else image
        converted = ImageCms.profileToProfile(
            colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, *PILLOW_FAILURES):
        return image  # an unusable profile: the samples are taken as sRGB, as browsers do
    if converted is None:
        return image
    if alpha:
        converted.putalpha(alpha)
    return converted


def _flatten(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        image = _to_8_bits(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, WHITE), rgba).convert("RGB")
    return image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    samples = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    brightest = float(samples.max(initial=0.0))
    if image.mode == "F":
        whites = [1.0, 255.0, brightest]
    else:
        whites = [65535.0] if image.mode.startswith("I;16") else [255.0, 65535.0, brightest]
    # the file does not say what white is: the narrowest usual range that holds its samples
    white = next(white for white in whites if brightest <= white)
    scaled = np.clip(samples / white * 255.0, 0, 255).round().astype(np.uint8)
    return Image.fromarray(scaled)
