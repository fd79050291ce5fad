"""The seams of this room: what the index, the service and the evaluation know of a model.

Pictures cross as PIL images or as the uint8 pixels that `prepare` makes of them; embeddings come
back as raw float32, not of unit length. A model fills one space or several: its row for a picture
holds the embeddings of all its spaces side by side, in their order. Texts are embedded in the first
of them, in which they are compared with pictures; pictures are compared with pictures in the last.
Encoders are safe to call from several threads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.decode import DecodeLimits
from models.errors import ModelError
from models.preprocess import Pixels
from models.space import Space
from models.vectors import Embeddings, Vector

PictureEmbeddings = Mapping[Space, Vector]  # raw, of one picture


@dataclass(frozen=True)
class Prompt:
    """A text for the text tower, in which a pseudo-word may stand for the first `symbol`."""

    text: str
    word: Vector | None = None  # (width,)
    symbol: str = "$"


class Preparer(Protocol):
    """A model's way with picture files, which needs none of its weights."""

    def decode(self, data: bytes, limits: DecodeLimits | None = None) -> Image.Image:
        """A picture file's bytes -> RGB picture for `prepare`, the same however a picture arrives;
        raises ImageError as models/decode.py does."""
        ...

    def prepare(self, image: Image.Image) -> Pixels:
        """RGB picture -> uint8 (height, width, 3); runs on the CPU, in any thread."""
        ...


class ImageEncoder(Preparer, Protocol):
    @property
    def spaces(self) -> tuple[Space, ...]: ...

    @property
    def fills_galleries(self) -> bool:
        """False of a light query encoder, which is pinned to the spaces of a heavier model."""
        ...

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        """n prepared pictures -> (n, sum of the spaces' dimensions); n = 0 gives no rows.

        Raises ModelMemoryError for more than fit the device's memory at once.
        """
        ...


@runtime_checkable
class TextEncoder(Protocol):
    @property
    def space(self) -> Space: ...

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """n texts -> (n, dim); what is longer than the model's context is cut at its end."""
        ...

    def overlong(self, texts: Sequence[str]) -> list[bool]:
        """Which of the texts are cut."""
        ...


class DualEncoder(ImageEncoder, TextEncoder, Protocol):
    """Both towers of one model; `space` is the first of its `spaces`."""

    @property
    def runs_on(self) -> str:
        """The device and dtype, for people: "cuda, bfloat16"."""
        ...


@runtime_checkable
class PromptEncoder(Protocol):
    """A text tower that takes pseudo-words."""

    @property
    def word_width(self) -> int | None:
        """Of its word vectors; None where this model takes none after all."""
        ...

    def encode_prompts(self, prompts: Sequence[Prompt]) -> Embeddings:
        """n prompts -> (n, dim); raises InputError where a symbol is not in its text."""
        ...


@dataclass(frozen=True)
class Tokens:
    """A prompt as its text tower reads it."""

    ids: NDArray[np.int64]  # (context,)
    cut: bool  # the text was longer than the context, and its end is not among the ids
    word: Vector | None = None  # (width,)
    place: int | None = None  # of the pseudo-word


@runtime_checkable
class TokenisingEncoder(Protocol):
    """A text tower whose texts can be read ahead of its forward pass, on the CPU."""

    def tokenise(self, prompts: Sequence[Prompt]) -> list[Tokens]:
        """In any thread; raises InputError where a text is empty or a symbol is not in it."""
        ...

    def encode_tokens(self, tokens: Sequence[Tokens]) -> Embeddings:
        """n of them -> (n, dim), what `encode_prompts` gives for their prompts.

        Raises ModelMemoryError for more than fit the device's memory at once.
        """
        ...


@runtime_checkable
class FusingEncoder(Protocol):
    """A model with a MagicLens head, which makes one query of a picture and a text."""

    @property
    def fused_space(self) -> Space | None:
        """That the queries are of; None where this model has no head after all."""
        ...

    def fuse(self, images: Embeddings, texts: Embeddings) -> Embeddings:
        """Raw embeddings of n pictures and n texts in the first space, (n, dim) twice -> (n, dim)
        in the fused space."""
        ...


def encode_prompts(encoder: TextEncoder, prompts: Sequence[Prompt]) -> Embeddings:
    """n prompts -> (n, dim); raises ModelError for a pseudo-word that the encoder cannot take."""
    if all(prompt.word is None for prompt in prompts):
        return encoder.encode_texts([prompt.text for prompt in prompts])
    if not isinstance(encoder, PromptEncoder) or encoder.word_width is None:
        raise ModelError(f"{encoder.space.model}: its text tower takes no pseudo-words")
    return encoder.encode_prompts(prompts)


def encode_texts_by(encoder: TextEncoder, texts: Sequence[str], batch: int) -> Embeddings:
    """n texts -> (n, dim), `batch` of them at a time; n = 0 gives no rows."""
    batches = [texts[at : at + batch] for at in range(0, len(texts), batch)]
    rows = [encoder.encode_texts([]), *(encoder.encode_texts(each) for each in batches)]
    return np.concatenate(rows)


def split_spaces(rows: Embeddings, spaces: Sequence[Space]) -> list[Embeddings]:
    """Rows of a model -> (n, dim) a space."""
    ends = np.cumsum([space.dimension for space in spaces])
    return np.split(rows, ends[:-1], axis=-1)


def by_space(row: Vector, spaces: Sequence[Space]) -> PictureEmbeddings:
    """One picture's row -> its embedding in each space."""
    return dict(zip(spaces, split_spaces(row, spaces), strict=True))
