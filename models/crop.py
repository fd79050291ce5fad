"""A part of a picture: a box in shares of its width and height.

Crop(left, top, right, bottom).of(image): the pixels that the box touches, at least one. Raises
InputError for a box that is empty or reaches outside.
"""

import math
from dataclasses import dataclass

from PIL import Image

from models.errors import InputError


@dataclass(frozen=True)
class Crop:
    """0 is the left and the upper edge of the upright picture, 1 the right and the lower one."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise InputError(
                "crop: expected left, top, right, bottom of 0 to 1, left < right and top < bottom"
            )

    def of(self, image: Image.Image) -> Image.Image:
        across, down = image.size
        left = min(math.floor(self.left * across), across - 1)
        top = min(math.floor(self.top * down), down - 1)
        right = max(math.ceil(self.right * across), left + 1)
        bottom = max(math.ceil(self.bottom * down), top + 1)
        return image.crop((left, top, right, bottom))
