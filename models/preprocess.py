"""An RGB picture to the uint8 pixels that a model's image tower reads.

Resizing and cropping run on the CPU and hand over uint8 (height, width, 3); `normalise` runs on the
device. Bit for bit what torchvision's Resize + CenterCrop do to a PIL picture.

Where white is the picture's own maximum, as in MagicLens's evaluation, samples are divided by the
largest of the whole picture: resized unrounded and scaled before they become uint8, so that a dark
picture keeps all 8 bits and nothing has to travel beside the pixels.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from models.errors import ModelError

Pixels = NDArray[np.uint8]  # (height, width, 3)
ResizeMode = Literal["shortest", "longest", "squash"]
White = Literal["full scale", "own maximum"]
Decoding = Literal["exact", "scaled"]

RESAMPLING = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}

# a picture that was scaled down as it was decoded still has so many times the model's own size,
# so that the resizing proper decides what the model sees
MARGIN = 2
MAX_SIDE = 4096
MAX_RATIO = 16  # of the sides of a picture that is scaled whole


@dataclass(frozen=True)
class Preprocessing:
    """What a model wants of a picture; part of its space."""

    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bicubic"
    resize_mode: ResizeMode = "shortest"
    fill: int = 0
    resize_to: int | None = None  # shortest side before the crop; the crop's own where None
    white: White = "full scale"  # what counts as 1.0
    decoding: Decoding = "exact"  # scaled: a large JPEG is decoded at a fraction of its size

    def __post_init__(self) -> None:
        """Raises ModelError for what no picture could be prepared with."""
        for what, value, known in (
            ("interpolation", self.interpolation, RESAMPLING),
            ("resize mode", self.resize_mode, get_args(ResizeMode)),
            ("white", self.white, get_args(White)),
            ("decoding", self.decoding, get_args(Decoding)),
        ):
            if value not in known:
                raise ModelError(f"{what} {value!r}: expected one of {', '.join(known)}")
        sides = (self.height, self.width, self.resize_to or 1)
        if not all(isinstance(side, int) and 0 < side <= MAX_SIDE for side in sides):
            raise ModelError(f"picture size {sides}: expected whole numbers up to {MAX_SIDE}")
        for name, values in (("mean", self.mean), ("deviation", self.std)):
            if len(values) != 3 or not all(isinstance(v, int | float) for v in values):
                raise ModelError(f"{name} {values}: expected three numbers, for red, green, blue")
        if not all(self.std) or not isinstance(self.fill, int):
            raise ModelError(f"deviation {self.std} or fill {self.fill} cannot be used")
        if self.white == "own maximum" and self.resize_mode != "squash":
            raise ModelError(f"white by {self.white} goes with squash, not {self.resize_mode}")
        if self.white == "own maximum" and self.decoding == "scaled":
            raise ModelError("fast decoding: this model needs the brightest point of a picture")

    def settings(self) -> dict[str, Any]:
        """What decides the pixels; a field that came later is left out where it changes nothing,
        so that spaces keep their names."""
        settings = asdict(self)
        if self.white == "full scale":
            del settings["white"]
        if self.decoding == "exact":
            del settings["decoding"]
        return settings

    @property
    def least_side(self) -> int | None:
        """Of both sides of a picture that was scaled as it was decoded; None where none is."""
        if self.decoding == "exact":
            return None
        return MARGIN * max(self.height, self.width, self.resize_to or 0)

    def pixels(self, image: Image.Image) -> Pixels:
        """RGB picture of any size -> uint8 (height, width, 3)."""
        if self.white == "own maximum":
            return self._squash_to_maximum(image)
        resize = {"shortest": self._cover, "longest": self._contain, "squash": self._squash}
        return np.asarray(resize[self.resize_mode](image), dtype=np.uint8)

    def _squash_to_maximum(self, image: Image.Image) -> Pixels:
        channels = image.split()
        maximum = max(int(np.asarray(channel).max()) for channel in channels) or 1
        # of a large picture only one channel is held unrounded at a time
        squashed = [np.asarray(self._squash(channel.convert("F"))) for channel in channels]
        samples = np.stack(squashed, axis=-1)
        return np.clip(samples * (255 / maximum), 0, 255).round().astype(np.uint8)

    def _squash(self, image: Image.Image) -> Image.Image:
        return image.resize((self.width, self.height), RESAMPLING[self.interpolation])

    def _cover(self, image: Image.Image) -> Image.Image:
        image = self._trimmed(image)
        width, height = image.size
        if self.height == self.width or self.resize_to:
            # torchvision: the short side exactly, the long side truncated
            short = self.resize_to or self.height
            if width <= height:
                size = (short, int(short * height / width))
            else:
                size = (int(short * width / height), short)
        else:
            scale = max(self.width / width, self.height / height)
            size = (round(width * scale), round(height * scale))
        resized = (
            image if size == image.size else image.resize(size, RESAMPLING[self.interpolation])
        )
        return self._centred(resized)

    def _trimmed(self, image: Image.Image) -> Image.Image:
        """A very long picture without its far ends, which the crop drops anyway.

        Scaled whole to its short side, a picture of 1 x 100,000 would fill gigabytes.
        """
        short, long = sorted(image.size)
        longest = short * MAX_RATIO * max(self.width, self.height) // min(self.width, self.height)
        if long <= longest:
            return image
        # an even cut on both sides keeps the crop where it was
        cut = (long - longest) // 2
        if image.width == long:
            return image.crop((cut, 0, long - cut, image.height))
        return image.crop((0, cut, image.width, long - cut))

    def _contain(self, image: Image.Image) -> Image.Image:
        width, height = image.size
        scale = min(self.width / width, self.height / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return self._centred(image.resize(size, RESAMPLING[self.interpolation]))

    def _centred(self, image: Image.Image) -> Image.Image:
        if image.size == (self.width, self.height):
            return image
        if image.width >= self.width and image.height >= self.height:
            left = round((image.width - self.width) / 2.0)
            top = round((image.height - self.height) / 2.0)
            return image.crop((left, top, left + self.width, top + self.height))
        canvas = Image.new("RGB", (self.width, self.height), (self.fill,) * 3)
        canvas.paste(image, ((self.width - image.width) // 2, (self.height - image.height) // 2))
        return canvas


def normalise(
    pixels: torch.Tensor, preprocessing: Preprocessing, dtype: torch.dtype
) -> torch.Tensor:
    """uint8 (batch, height, width, 3) on any device -> (batch, 3, height, width) there."""
    mean = torch.tensor(preprocessing.mean, device=pixels.device) * 255.0
    std = torch.tensor(preprocessing.std, device=pixels.device) * 255.0
    # channels_last falls out of the permutation, and is what convolutions want
    return ((pixels.float() - mean) / std).to(dtype).permute(0, 3, 1, 2)
