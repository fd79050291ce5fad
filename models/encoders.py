"""The seams of this room: what the index, the service and the evaluation know of a model.

Pictures cross as PIL images or as the uint8 pixels that `prepare` makes of them; embeddings come
back as raw float32 (n, dim), not of unit length. Encoders are safe to call from several threads.
"""

from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from models.preprocess import Pixels
from models.space import Space
from models.vectors import Embeddings


class ImageEncoder(Protocol):
    @property
    def space(self) -> Space: ...

    def prepare(self, image: Image.Image) -> Pixels:
        """RGB picture -> uint8 (height, width, 3); runs on the CPU, in any thread."""
        ...

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        """n prepared pictures -> (n, dim) float32; n = 0 gives (0, dim)."""
        ...


class TextEncoder(Protocol):
    @property
    def space(self) -> Space: ...

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """n texts -> (n, dim) float32; longer than the model's context is cut at its end."""
        ...


class DualEncoder(ImageEncoder, TextEncoder, Protocol):
    """Both towers of one model, into one space."""

    @property
    def runs_on(self) -> str:
        """The device and dtype, for people: "cuda, bfloat16"."""
        ...
