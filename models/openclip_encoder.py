"""Both encoder seams over one dual encoder that models/openclip.py built, on one device.

Raises ModelError for a model whose towers do not take a picture and a text, or do not agree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from models.decode import DecodeLimits
from models.device import Placement, batch_memory, to_device, to_numpy
from models.encoders import Prompt, Tokens
from models.errors import ModelError
from models.eye import Eye
from models.fusion_head import FusionHead, PinnedHead
from models.heat import HeatAsked, Looks, Map
from models.heat_reader import HeatReader
from models.preprocess import Pixels, Preprocessing, normalise
from models.space import Space, revision_of
from models.text_reader import TextReader
from models.text_tower import encode_tokens, word_width
from models.tokens import Tokenizer
from models.vectors import Embeddings

# What a model raises whose settings do not fit its weights, its tokenizer or this device.
RUN_FAILURES = (RuntimeError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


@dataclass(frozen=True)
class LoadedModel:
    """A model as built on the CPU in float32, before it is placed."""

    module: torch.nn.Module
    tokenizer: Tokenizer
    preprocessing: Preprocessing
    settings: Mapping[str, Any]  # whatever besides weights and preprocessing decides the vectors
    pinned: Space | None = None  # the gallery's space that a light query encoder writes for
    head: PinnedHead | None = None


class OpenClipEncoder:
    def __init__(self, name: str, loaded: LoadedModel, placement: Placement) -> None:
        self.preprocessing = loaded.preprocessing
        self.eye = Eye(loaded.preprocessing)
        self.placement = placement
        revision = _revision(loaded, loaded.preprocessing)
        exact = _exact_revision(loaded, revision)
        module: Any = loaded.module.eval()
        self._module = module
        self._reader = TextReader(
            tokenizer=loaded.tokenizer,
            tower=lambda tokens, words: encode_tokens(module, tokens, pseudo_words=words),
            word_width=word_width(module),
            device=placement.device,
        )
        try:
            self._module.to(placement.device, placement.dtype)
            if not isinstance(getattr(self._module.visual, "transformer", None), torch.nn.Module):
                self._module.visual.to(memory_format=torch.channels_last)  # for convolutions
            own = Space(name, revision, self._dimension())
        except RUN_FAILURES as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(f"{name}: cannot be run on {placement}: {reason}") from error
        self._space = loaded.pinned or own
        self.fills_galleries = loaded.pinned is None
        if self._space.dimension != own.dimension:
            raise ModelError(f"{name}: has {own.dimension} dimensions, pinned to {self._space}")
        self._heat = HeatReader(name, module.visual, loaded.preprocessing, placement)
        self._head = _placed_head(name, loaded.head, Space(name, exact, own.dimension), placement)

    @property
    def space(self) -> Space:
        return self._space

    @property
    def spaces(self) -> tuple[Space, ...]:
        return (self._space,)

    @property
    def runs_on(self) -> str:
        return str(self.placement)

    @property
    def fused_space(self) -> Space | None:
        return None if self._head is None else self._space

    def fuse(self, images: Embeddings, texts: Embeddings) -> Embeddings:
        if self._head is None:
            raise ModelError(f"{self._space.model}: has no MagicLens head")
        device, dtype = self.placement.device, self.placement.dtype
        pair = [torch.from_numpy(rows).to(device, dtype) for rows in (images, texts)]
        with torch.inference_mode():
            return to_numpy(self._head(*pair))

    @property
    def has_heat(self) -> bool:
        return self._heat.tower is not None

    def looks(self, image: Image.Image) -> Looks:
        return self._heat.looks(image)

    def heat(self, asked: Sequence[HeatAsked]) -> list[Map]:
        return self._heat.heat(asked)

    def decode(self, data: bytes, limits: DecodeLimits | None = None) -> Image.Image:
        return self.eye.decode(data, limits)

    def prepare(self, image: Image.Image) -> Pixels:
        return self.eye.prepare(image)

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        if not pixels:
            return np.empty((0, self._space.dimension), dtype=np.float32)
        return self._image_embeddings(pixels)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        return self._reader.texts(texts, self._space.dimension)

    def overlong(self, texts: Sequence[str]) -> list[bool]:
        return self._reader.overlong(texts)

    @property
    def word_width(self) -> int | None:
        return self._reader.word_width

    def encode_prompts(self, prompts: Sequence[Prompt]) -> Embeddings:
        return self._reader.prompts(prompts)

    def tokenise(self, prompts: Sequence[Prompt]) -> list[Tokens]:
        return self._reader.tokenise(prompts)

    def encode_tokens(self, tokens: Sequence[Tokens]) -> Embeddings:
        return self._reader.encode_tokens(tokens)

    def _image_embeddings(self, pixels: Sequence[Pixels]) -> Embeddings:
        device = self.placement.device
        with batch_memory(device), torch.inference_mode():
            batch = to_device(np.stack(pixels), device)
            images = normalise(batch, self.preprocessing, self.placement.dtype)
            return to_numpy(self._module.encode_image(images, normalize=False))

    def _dimension(self) -> int:
        """Of both towers, which are tried once, so that a broken model fails here."""
        grey = Image.new("RGB", (64, 48), (127, 127, 127))
        image = self._image_embeddings([self.prepare(grey)]).shape[-1]
        text = self._reader.embedded(["a"]).shape[-1]
        if image != text:
            raise ValueError(f"pictures have {image} dimensions, texts {text}")
        return int(text)


def _revision(loaded: LoadedModel, preprocessing: Preprocessing) -> str:
    settings = {**loaded.settings, "preprocessing": preprocessing.settings()}
    return revision_of(loaded.module.state_dict(), settings)


def _exact_revision(loaded: LoadedModel, revision: str) -> str:
    """Of the towers with pictures decoded exactly, which is what a head is trained on."""
    if loaded.head is None or loaded.preprocessing.decoding == "exact":
        return revision
    return _revision(loaded, replace(loaded.preprocessing, decoding="exact"))


def _placed_head(
    name: str, head: PinnedHead | None, space: Space, placement: Placement
) -> FusionHead | None:
    """`space` is that of the towers with pictures decoded exactly."""
    if head is None:
        return None
    if head.revision != space.revision or head.module.sizes.dimension != space.dimension:
        raise ModelError(
            f"{name}: its MagicLens head is of the towers {head.revision}, these are {space}"
        )
    return head.module.to(placement.device, placement.dtype)
