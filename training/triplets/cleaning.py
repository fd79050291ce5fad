"""What of a group can be compared: no adverts, nothing small, nothing twice, and not too much.

Cleaning(...).clean(group) -> the pictures that stay, with their unit embeddings; None of a group of
which fewer than two stay, or that is too large. Exact duplicates are those of the same bytes; near
ones, embeddings with a cosine of `near_duplicate` or more to a picture that stays. Every picture
that does not stay is counted in `dropped`, by its reason.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.decode import decode
from models.encoders import DualEncoder, split_spaces
from models.errors import ImageError
from models.preprocess import Pixels
from models.vectors import Embeddings, directed, unit
from training.triplets.groups import NOT_A_PICTURE, Group, GroupPicture
from training.triplets.mining_config import Mining

DUPLICATE = "the same bytes as another of its group"
NEAR_DUPLICATE = "nearly the same as another of its group"
SMALL = "too small"
ADVERT_SHAPE = "the shape of an advert"
ADVERT_TEXT = "the words of an advert"
LARGE_GROUP = "in a group that is too large"
ALONE = "alone in its group"
NO_DIRECTION = "its embedding has no direction"


@dataclass(frozen=True)
class CleanGroup:
    pictures: tuple[GroupPicture, ...]
    beside_pictures: Embeddings  # (pictures, dim) of unit length, to compare with one another
    beside_texts: Embeddings  # (pictures, dim) of unit length, to compare with texts


@dataclass
class Cleaning:
    encoder: DualEncoder
    config: Mining
    dropped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        words = "|".join(re.escape(word) for word in self.config.advert_words)
        self._advert = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if words else None

    def clean(self, group: Group) -> CleanGroup | None:
        screened = self._screened(group)
        if len(screened) < 2:
            self.dropped[ALONE] += len(screened)
            return None
        embedded = self._embedded(screened)
        rows = self._unlike(embedded.beside_pictures)
        if len(rows) < 2:
            self.dropped[ALONE] += len(rows)
            return None
        return CleanGroup(
            tuple(embedded.pictures[row] for row in rows),
            embedded.beside_pictures[rows],
            embedded.beside_texts[rows],
        )

    def _screened(self, group: Group) -> list[GroupPicture]:
        """By what is known without decoding; none of a group that is too large."""
        kept: dict[str, GroupPicture] = {}
        for picture in group.pictures():
            reason = DUPLICATE if picture.id in kept else self._why_dropped(picture)
            if reason:
                self.dropped[reason] += 1
                continue
            kept[picture.id] = picture
            if len(kept) > self.config.max_group:
                self.dropped[LARGE_GROUP] += len(kept) + group.skip()
                return []
        return list(kept.values())

    def _why_dropped(self, picture: GroupPicture) -> str | None:
        short, long = sorted((picture.width, picture.height))
        if short < self.config.min_side:
            return SMALL
        if long > short * self.config.max_aspect:
            return ADVERT_SHAPE
        if self._advert and any(self._advert.search(text) for text in picture.described.texts):
            return ADVERT_TEXT
        return None

    def _embedded(self, pictures: Sequence[GroupPicture]) -> CleanGroup:
        readable, pixels = [], list[Pixels]()
        for picture in pictures:
            try:
                pixels.append(self.encoder.prepare(decode(picture.read())))
            except ImageError:
                self.dropped[NOT_A_PICTURE] += 1
            else:
                readable.append(picture)
        parts = split_spaces(self._encoded(pixels), self.encoder.spaces)
        there = np.logical_and.reduce([directed(part) for part in parts])
        self.dropped[NO_DIRECTION] += int((~there).sum())
        kept = tuple(picture for picture, has in zip(readable, there, strict=True) if has)
        return CleanGroup(kept, unit(parts[-1][there])[0], unit(parts[0][there])[0])

    def _encoded(self, pixels: Sequence[Pixels]) -> Embeddings:
        batch = self.config.batch
        starts = range(0, max(len(pixels), 1), batch)
        return np.concatenate([self.encoder.encode_images(pixels[s : s + batch]) for s in starts])

    def _unlike(self, units: Embeddings) -> list[int]:
        kept: list[int] = []
        for row, similarities in enumerate(units @ units.T):
            if similarities[kept].max(initial=-1.0) < self.config.near_duplicate:
                kept.append(row)
        self.dropped[NEAR_DUPLICATE] += len(units) - len(kept)
        return kept
