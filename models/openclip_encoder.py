"""Both encoder seams over one dual encoder that models/openclip.py built, on one device.

Raises ModelError for a model whose towers do not take a picture and a text, or do not agree.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from models.device import Placement
from models.errors import InputError, ModelError
from models.preprocess import Pixels, Preprocessing, normalise
from models.space import Space, revision_of
from models.vectors import Embeddings

Tokenizer = Callable[[list[str]], torch.Tensor]

# What a model raises whose settings do not fit its weights, its tokenizer or this device.
RUN_FAILURES = (RuntimeError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


@dataclass(frozen=True)
class LoadedModel:
    """A model as built on the CPU in float32, before it is placed."""

    module: torch.nn.Module
    tokenizer: Tokenizer
    preprocessing: Preprocessing
    settings: Mapping[str, Any]  # whatever besides weights and preprocessing decides the vectors


class OpenClipEncoder:
    def __init__(self, name: str, loaded: LoadedModel, placement: Placement) -> None:
        self.preprocessing = loaded.preprocessing
        self.placement = placement
        settings = {**loaded.settings, "preprocessing": loaded.preprocessing.settings()}
        revision = revision_of(loaded.module.state_dict(), settings)
        self._tokenizer = loaded.tokenizer
        self._module: Any = loaded.module.eval()
        try:
            self._module.to(placement.device, placement.dtype)
            if not isinstance(getattr(self._module.visual, "transformer", None), torch.nn.Module):
                self._module.visual.to(memory_format=torch.channels_last)  # for convolutions
            self._space = Space(name, revision, self._dimension())
        except RUN_FAILURES as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(f"{name}: cannot be run on {placement}: {reason}") from error

    @property
    def space(self) -> Space:
        return self._space

    @property
    def runs_on(self) -> str:
        return str(self.placement)

    def prepare(self, image: Image.Image) -> Pixels:
        return self.preprocessing.pixels(image)

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        if not pixels:
            return np.empty((0, self._space.dimension), dtype=np.float32)
        return self._image_embeddings(pixels)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        if not texts:
            return np.empty((0, self._space.dimension), dtype=np.float32)
        if any(not text.strip() for text in texts):
            raise InputError("text is empty, expected at least one word")
        return self._text_embeddings(texts)

    def _image_embeddings(self, pixels: Sequence[Pixels]) -> Embeddings:
        batch = torch.from_numpy(np.stack(pixels)).to(self.placement.device)
        with torch.inference_mode():
            images = normalise(batch, self.preprocessing, self.placement.dtype)
            return _to_numpy(self._module.encode_image(images, normalize=False))

    def _text_embeddings(self, texts: Sequence[str]) -> Embeddings:
        tokens = self._tokenizer(list(texts)).to(self.placement.device)
        with torch.inference_mode():
            return _to_numpy(encode_tokens(self._module, tokens))

    def _dimension(self) -> int:
        """Of both towers, which are tried once, so that a broken model fails here."""
        grey = Image.new("RGB", (64, 48), (127, 127, 127))
        image = self._image_embeddings([self.prepare(grey)]).shape[-1]
        text = self._text_embeddings(["a"]).shape[-1]
        if image != text:
            raise ValueError(f"pictures have {image} dimensions, texts {text}")
        return int(text)


def encode_tokens(module: Any, tokens: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    """Token ids (batch, context) -> raw text embeddings (batch, dim).

    Where no position attends to a later one, padding behind the longest text is cut off first: the
    pooled output is the same, and short texts cost what they are long.
    """
    causal = getattr(module, "attn_mask", None) is not None
    if not causal or getattr(module, "text_pool_type", None) != "argmax":
        embeddings: torch.Tensor = module.encode_text(tokens, normalize=False)
        return embeddings
    ends = tokens.argmax(dim=-1)
    length = int(ends.max()) + 1
    dtype = module.transformer.get_cast_dtype()
    hidden = module.token_embedding(tokens[:, :length]).to(dtype)  # (batch, length, width)
    hidden = hidden + module.positional_embedding[:length].to(dtype)
    hidden = module.transformer(hidden, attn_mask=module.attn_mask[:length, :length])
    pooled = module.ln_final(hidden)[torch.arange(len(tokens), device=tokens.device), ends]
    if isinstance(module.text_projection, torch.nn.Linear):
        pooled = module.text_projection(pooled)
    elif module.text_projection is not None:
        pooled = pooled @ module.text_projection
    result: torch.Tensor = pooled
    return result


def _to_numpy(embeddings: torch.Tensor) -> Embeddings:
    result: Embeddings = embeddings.float().cpu().numpy()
    return result
