"""Stand-ins that implement the seams, small enough to work their answers out by hand."""

import io
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from models.decode import DecodeLimits, decode
from models.device import Placement
from models.encoders import Prompt, Tokens
from models.errors import InputError
from models.heat import HeatAsked, Look, Looks, Map
from models.preprocess import Pixels
from models.space import Space
from models.vectors import Embeddings


def f32(values: ArrayLike) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)


COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
}
LONGEST_TEXT = 64  # words
CELLS = 8  # a side, of a heat map
DARK_OFFSET = 16.0  # keeps black from having no direction


class ColourEncoder:
    """A picture is its mean colour plus a constant; a text is the mean of the colours it names."""

    def __init__(self, revision: str = "0123456789abcdef") -> None:
        self.space = Space("colours", revision, 4)
        self.spaces: tuple[Space, ...] = (self.space,)
        self.encoded_images = 0
        self.fills_galleries = True
        self.runs_on = "this test"

    def decode(self, data: bytes, limits: DecodeLimits | None = None) -> Image.Image:
        return decode(data, limits)

    def prepare(self, image: Image.Image) -> Pixels:
        return np.asarray(image.resize((4, 4), Image.Resampling.BOX), dtype=np.uint8)

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        self.encoded_images += len(pixels)
        means = [p.reshape(-1, 3).mean(axis=0) for p in pixels]
        return _embed(means)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        return _embed([_mean_colour(text) for text in texts])

    def overlong(self, texts: Sequence[str]) -> list[bool]:
        return [len(text.split()) > LONGEST_TEXT for text in texts]


class ShadeEncoder(ColourEncoder):
    """Two spaces: pictures are compared by their brightness alone, texts by colour."""

    def __init__(self) -> None:
        super().__init__()
        self.spaces = (self.space, Space("shades", "fedcba9876543210", 2))

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        colours = super().encode_images(pixels)
        brightness = colours[:, :3].mean(axis=1, keepdims=True)
        return np.hstack([colours, brightness, np.ones_like(brightness)]).astype(np.float32)


def _mean_colour(text: str) -> np.ndarray:
    named = [COLOURS[word] for word in text.lower().split() if word in COLOURS]
    if not named:
        raise InputError(f"no colour named in {text!r}")
    mean: np.ndarray = np.asarray(named, dtype=np.float64).mean(axis=0)
    return mean


class SeeingEncoder(ColourEncoder):
    """A part of a picture speaks for a text as far as its colour is the text's."""

    def __init__(self) -> None:
        super().__init__()
        self.heated = 0

    @property
    def has_heat(self) -> bool:
        return True

    def looks(self, image: Image.Image) -> Looks:
        cells = image.resize((CELLS, CELLS), Image.Resampling.BOX)
        return Looks((Look(np.asarray(cells), 0.0, 0.0, 1.0, 1.0),), *image.size)

    def heat(self, asked: Sequence[HeatAsked]) -> list[Map]:
        self.heated += len(asked)
        found = []
        for each in asked:
            wanted = each.text[:3] / np.linalg.norm(each.text[:3])
            found.append((each.looks.looks[0].pixels @ wanted).astype(np.float32))
        return found


class WholeEncoder(SeeingEncoder):
    """All that a model of models/load.py can do; a text's tokens are its characters."""

    placement = Placement(torch.device("cpu"), torch.float32)
    word_width: int | None = None
    fused_space: Space | None = None

    def encode_prompts(self, prompts: Sequence[Prompt]) -> Embeddings:
        return self.encode_texts([prompt.text for prompt in prompts])

    def tokenise(self, prompts: Sequence[Prompt]) -> list[Tokens]:
        texts = [prompt.text for prompt in prompts]
        ids = [np.array([ord(letter) for letter in text], dtype=np.int64) for text in texts]
        return [Tokens(*each) for each in zip(ids, self.overlong(texts), strict=True)]

    def encode_tokens(self, tokens: Sequence[Tokens]) -> Embeddings:
        return self.encode_texts(["".join(map(chr, each.ids)) for each in tokens])

    def fuse(self, images: Embeddings, texts: Embeddings) -> Embeddings:
        return f32(images + texts) / np.float32(2)


def _embed(colours: Sequence[np.ndarray]) -> Embeddings:
    rows = [[*colour, DARK_OFFSET] for colour in colours]
    return np.asarray(rows, dtype=np.float32).reshape(-1, 4) / 255.0


def picture(colour: str | tuple[int, int, int], size: tuple[int, int] = (32, 24)) -> Image.Image:
    return Image.new("RGB", size, COLOURS[colour] if isinstance(colour, str) else colour)


def picture_bytes(
    colour: str | tuple[int, int, int],
    size: tuple[int, int] = (32, 24),
    format: str = "PNG",  # noqa: A002
) -> bytes:
    buffer = io.BytesIO()
    picture(colour, size).save(buffer, format=format)
    return buffer.getvalue()
