"""Make a clean picture look washed onto rough paper, the same way every time.

The grain comes from a seeded generator; only its interpolation depends on the picture's size.
"""

from functools import lru_cache
from random import Random

from PIL import Image, ImageChops, ImageFilter

_PAPER = (252, 249, 241)
_FRAME = 96


def washed(image: Image.Image) -> Image.Image:
    size_px = image.width
    soft = image.filter(ImageFilter.GaussianBlur(size_px * 0.0022))
    mottled = ImageChops.multiply(soft, _wash(size_px))
    mottled.paste(_PAPER, mask=_border(size_px))
    return mottled


@lru_cache(maxsize=8)
def _wash(size_px: int) -> Image.Image:
    """How much light each spot lets through: big pools and fine grain."""
    pools = _noise("pools", 7, 222, 255).resize((size_px, size_px), Image.Resampling.BICUBIC)
    grain = _noise("grain", 120, 242, 255).resize((size_px, size_px), Image.Resampling.BICUBIC)
    both = ImageChops.multiply(pools, grain)
    return Image.merge("RGB", (both, both, both))


@lru_cache(maxsize=8)
def _border(size_px: int) -> Image.Image:
    """White where the paper stays bare: a frame with a wavering inner edge."""
    waver = _noise("border", 22, 0, 150).resize((size_px, size_px), Image.Resampling.BICUBIC)
    frame = Image.new("L", (_FRAME, _FRAME), 255)
    frame.paste(0, (2, 2, _FRAME - 2, _FRAME - 2))
    soft = frame.resize((size_px, size_px), Image.Resampling.BICUBIC)
    soft = soft.filter(ImageFilter.GaussianBlur(size_px * 0.012))
    torn = ImageChops.add(soft, ImageChops.multiply(soft, waver))
    return torn.point([min(255, max(0, (value - 110) * 4)) for value in range(256)])


def _noise(name: str, side: int, low: int, high: int) -> Image.Image:
    values = Random(name).randbytes(side * side)
    image = Image.frombytes("L", (side, side), values)
    return image.point([low + (high - low) * value // 255 for value in range(256)])
