"""A MagicLens model as Pictor's encoder: two spaces in one pass.

Pictures get CLIP's embedding, which texts are compared with, and MagicLens's with the text "",
which pictures and composed queries are compared with: the CLIP forward pass is shared, the fusion
on top is cheap. A checkpoint whose vocabulary is not CLIP's (the small ones of tests) reads CLIP's
tokens folded into its own, its last two ids being start and end as in CLIP's.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from models.decode import DecodeLimits
from models.device import Placement, batch_memory, to_device, to_numpy
from models.encoders import Prompt, Tokens
from models.errors import ModelError
from models.eye import Eye
from models.heat import HeatAsked, Looks, Map
from models.heat_reader import HeatReader
from models.huggingface import CLIP_MEAN, CLIP_STD
from models.magiclens.folder import Card
from models.magiclens.module import MagicLens
from models.openclip import clip_tokenizer
from models.openclip_encoder import RUN_FAILURES
from models.preprocess import Pixels, Preprocessing
from models.space import Space, revision_of
from models.text_reader import TextReader
from models.text_tower import word_width
from models.vectors import Embeddings

CLIP_SPACE = "clip"
CLIP_VOCABULARY = 49408


class FoldedTokenizer:
    """CLIP's tokens for a vocabulary of any size: texts -> (n, context), padded with 0."""

    def __init__(self, vocabulary: int, context_length: int) -> None:
        self._tokenizer: Any = clip_tokenizer(context_length)
        self._vocabulary = vocabulary
        self.context_length = context_length
        self.encode = self._tokenizer.encode

    def __call__(self, texts: list[str]) -> torch.Tensor:
        tokens: torch.Tensor = self._tokenizer(texts)
        if self._vocabulary == CLIP_VOCABULARY:
            return tokens
        words = self._vocabulary - 2
        special = tokens >= CLIP_VOCABULARY - 2
        moved = tokens - CLIP_VOCABULARY + self._vocabulary
        return torch.where(special, moved, tokens % words)


class MagicLensEncoder:
    fills_galleries = True

    def __init__(self, name: str, module: MagicLens, card: Card, placement: Placement) -> None:
        self.preprocessing = card.preprocessing
        self.eye = Eye(card.preprocessing)
        self.placement = placement
        self.spaces = _spaces(name, module, card)
        try:
            self._module = module.eval().to(placement.device, placement.dtype)
            self._reader = TextReader(
                tokenizer=FoldedTokenizer(card.sizes.vocabulary, card.sizes.context),
                tower=self._module.encode_tokens,
                word_width=word_width(self._module.clip),
                device=placement.device,
            )
            self._heat = HeatReader(
                name, self._module.clip.visual, _of_clip(module, card), placement
            )
            self._no_words = self._reader.embedded([""])  # (1, dim)
        except RUN_FAILURES as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(f"{name}: cannot be run on {placement}: {reason}") from error

    @property
    def space(self) -> Space:
        """CLIP's, in which texts are compared with pictures."""
        return self.spaces[0]

    @property
    def fused_space(self) -> Space:
        return self.spaces[1]

    @property
    def runs_on(self) -> str:
        return str(self.placement)

    @property
    def word_width(self) -> int | None:
        return self._reader.word_width

    @property
    def has_heat(self) -> bool:
        return self._heat.tower is not None

    def looks(self, image: Image.Image) -> Looks:
        return self._heat.looks(image)

    def heat(self, asked: Sequence[HeatAsked]) -> list[Map]:
        """By CLIP's towers, in which texts are compared with pictures."""
        return self._heat.heat(asked)

    def decode(self, data: bytes, limits: DecodeLimits | None = None) -> Image.Image:
        return self.eye.decode(data, limits)

    def prepare(self, image: Image.Image) -> Pixels:
        return self.eye.prepare(image)

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        """(n, CLIP's dim + MagicLens's dim)."""
        if not pixels:
            return np.empty((0, sum(space.dimension for space in self.spaces)), dtype=np.float32)
        device = self.placement.device
        with batch_memory(device), torch.inference_mode():
            batch = to_device(np.stack(pixels), device)
            clip = self._module.encode_images(batch.float() / 255)
            fused = self._module.fuse(clip, self._no_words.expand(len(clip), -1))
            return to_numpy(torch.cat([clip, fused], dim=-1))

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        return self._reader.texts(texts, self.space.dimension)

    def overlong(self, texts: Sequence[str]) -> list[bool]:
        return self._reader.overlong(texts)

    def encode_prompts(self, prompts: Sequence[Prompt]) -> Embeddings:
        return self._reader.prompts(prompts)

    def tokenise(self, prompts: Sequence[Prompt]) -> list[Tokens]:
        return self._reader.tokenise(prompts)

    def encode_tokens(self, tokens: Sequence[Tokens]) -> Embeddings:
        return self._reader.encode_tokens(tokens)

    def fuse(self, images: Embeddings, texts: Embeddings) -> Embeddings:
        """Raw CLIP embeddings of n pictures and n texts -> MagicLens's of each pair, raw."""
        with torch.inference_mode():
            return to_numpy(self._module.fuse(self._placed(images), self._placed(texts)))

    def _placed(self, rows: Embeddings) -> torch.Tensor:
        return torch.from_numpy(rows).to(self.placement.device, self.placement.dtype)


def _of_clip(module: MagicLens, card: Card) -> Preprocessing:
    """What CLIP itself reads: the square that `encode_images` makes of the card's."""
    side = module.sizes.resolution
    return replace(card.preprocessing, height=side, width=side, mean=CLIP_MEAN, std=CLIP_STD)


def _spaces(name: str, module: MagicLens, card: Card) -> tuple[Space, Space]:
    """CLIP's own revision covers its towers, MagicLens's the head and that revision."""
    settings = {**card.settings(), "preprocessing": card.preprocessing.settings()}
    clip = revision_of(module.clip.state_dict(), settings)
    head = {
        key: weight for key, weight in module.state_dict().items() if not key.startswith("clip.")
    }
    fused = revision_of(head, {**settings, "clip": clip})
    dimension = card.sizes.dimension
    return Space(f"{name}:{CLIP_SPACE}", clip, dimension), Space(name, fused, dimension)
