"""What a model does to a picture before its towers see it, without the model.

A few numbers: it can be sent to a machine that reads pictures and has no room for a model.
"""

from dataclasses import dataclass

from PIL import Image

from models.decode import DecodeLimits, decode
from models.preprocess import Pixels, Preprocessing


@dataclass(frozen=True)
class Eye:
    preprocessing: Preprocessing

    def decode(self, data: bytes, limits: DecodeLimits | None = None) -> Image.Image:
        return decode(data, limits, least_side=self.preprocessing.least_side)

    def prepare(self, image: Image.Image) -> Pixels:
        return self.preprocessing.pixels(image)
