"""Parts of pictures, as benchmarks cut them out.

A crop's box is (left, top, right, bottom) in pixels of the upright picture; where it reaches over
the edge, black fills it.
"""

import io
from dataclasses import dataclass

from PIL import Image

from models.decode import DecodeLimits, decode
from models.errors import InputError

Box = tuple[int, int, int, int]
MAX_PIXELS = DecodeLimits().max_pixels


@dataclass(frozen=True)
class Crop:
    """Cut `box` out; then, where `square`, pad the shorter side with black, the picture in the
    middle."""

    box: Box
    square: bool = False

    def __post_init__(self) -> None:
        left, top, right, bottom = self.box
        if right <= left or bottom <= top:
            raise InputError(f"a crop of {self.box}: expected left < right and top < bottom")
        side = max(right - left, bottom - top)
        area = side**2 if self.square else (right - left) * (bottom - top)
        if area > MAX_PIXELS:
            raise InputError(f"a crop of {self.box}: over {MAX_PIXELS} pixels")

    def of(self, image: Image.Image) -> Image.Image:
        part = image.crop(self.box)
        if not self.square or part.width == part.height:
            return part
        side = max(part.size)
        whole = Image.new("RGB", (side, side))
        whole.paste(part, ((side - part.width) // 2, (side - part.height) // 2))
        return whole


def cropped(data: bytes, crop: Crop, limits: DecodeLimits) -> bytes:
    """A picture file -> its part, as a PNG file; raises ImageError as `decode` does."""
    part = io.BytesIO()
    crop.of(decode(data, limits)).save(part, format="PNG", compress_level=1)
    return part.getvalue()
