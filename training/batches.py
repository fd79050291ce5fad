"""The batches of the image tower's stage, and how they are drawn.

A batch knows its rows in its corpus, the boxes of its views, and its pixels: uint8 (batch, px, px,
3). Every draw takes the step's own generator.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from training.config import ImageStage
from training.corpus import WHOLE_AND_FLIPPED, Corpus
from training.rendered_corpus import RenderedCorpus
from training.scene_corpus import SceneCorpus
from training.views import jittered

Rows = NDArray[np.int64]
WHOLE_BOX = np.array([0, 0, 1, 1], dtype=np.float32)
BLENDING = 0.5  # of the beta distribution that a blend's share is drawn from


@dataclass(frozen=True)
class PhotographBatch:
    corpus: Corpus
    rows: Rows  # (batch,)
    views: Rows  # (batch,)
    boxes: NDArray[np.float32]  # (batch, 4)

    def pixels(self) -> NDArray[np.uint8]:
        return self.corpus.pixels[self.rows]


@dataclass(frozen=True)
class RenderedBatch:
    rendered: RenderedCorpus
    corpus: Corpus  # of the photographs
    rows: Rows  # (batch,)
    views: Rows  # (batch,): of the photographs' features
    boxes: NDArray[np.float32]  # (batch, 4)

    def pixels(self) -> NDArray[np.uint8]:
        return self.rendered.pixels[self.rows]

    def captions(self, random: np.random.Generator) -> list[str]:
        said = [str(random.choice(self.corpus.captions[row])) for row in self.rows]
        return [
            self.rendered.caption(row, text, random)
            for row, text in zip(self.rows, said, strict=True)
        ]

    def groups(self) -> list[int]:
        """Those of the photographs, apart for each medium."""
        media = self.rendered.media[self.rows] + 1
        return [
            self.corpus.groups[row] + int(medium) * len(self.corpus)
            for row, medium in zip(self.rows, media, strict=True)
        ]


@dataclass(frozen=True)
class SceneBatch:
    scenes: SceneCorpus
    rows: Rows  # (batch,), sorted
    edits: Rows  # whose reference and target are both among the rows
    boxes: NDArray[np.float32]  # (batch, 4)

    def pixels(self) -> NDArray[np.uint8]:
        return self.scenes.pixels[self.rows]


Batch = PhotographBatch | RenderedBatch | SceneBatch


@dataclass(frozen=True)
class Blend:
    """Each row's mixture with another: mixup, of pictures and of what they should become.

    Source: Beyer et al., "Knowledge distillation: A good teacher is patient and consistent", CVPR
    2022.
    """

    other: Rows  # (batch,), a permutation
    share: float  # of the row itself

    def of(self, rows: torch.Tensor) -> torch.Tensor:
        return self.share * rows + (1 - self.share) * rows[torch.from_numpy(self.other)]


def draw_photographs(
    corpus: Corpus | None, config: ImageStage, random: np.random.Generator
) -> PhotographBatch | None:
    if corpus is None or not config.batch:
        return None
    captioned = np.flatnonzero(~corpus.is_class)
    named = np.flatnonzero(corpus.is_class)
    batch = min(config.batch, len(corpus))
    share = batch - len(named) if len(named) < batch else round(batch * config.captioned_share)
    picked = random.choice(captioned, min(max(share, 0), len(captioned)), replace=False)
    rest = random.choice(named, batch - len(picked), replace=False)
    rows = np.concatenate([picked, rest]).astype(np.int64)
    views = random.integers(0, corpus.boxes.shape[1], size=len(rows))
    boxes = jittered(corpus.boxes[rows, views], config.photograph_jitter, random)
    return PhotographBatch(corpus, rows, views, boxes)


def draw_rendered(
    rendered: RenderedCorpus | None,
    corpus: Corpus | None,
    config: ImageStage,
    random: np.random.Generator,
) -> RenderedBatch | None:
    if rendered is None or corpus is None or not config.rendered_batch:
        return None
    batch = min(config.rendered_batch, len(corpus))
    rows = random.choice(len(corpus), batch, replace=False)
    views = random.integers(0, len(WHOLE_AND_FLIPPED), size=len(rows))
    boxes = jittered(corpus.boxes[rows, views], config.photograph_jitter, random)
    return RenderedBatch(rendered, corpus, rows, views, boxes)


def draw_scenes(
    scenes: SceneCorpus | None, config: ImageStage, random: np.random.Generator
) -> SceneBatch | None:
    if scenes is None or not config.scene_batch:
        return None
    batch = min(config.scene_batch, len(scenes))
    edits = random.choice(len(scenes.edits), max(1, batch // 3), replace=False)
    related = np.unique(scenes.edits[edits])
    others = np.setdiff1d(random.choice(len(scenes), batch, replace=False), related)
    rows = np.sort(np.concatenate([related, others[: max(0, batch - len(related))]]))
    boxes = jittered(np.tile(WHOLE_BOX, (len(rows), 1)), config.jitter, random)
    return SceneBatch(scenes, rows, edits, boxes)


def draw_blend(
    photographs: PhotographBatch | None, config: ImageStage, random: np.random.Generator
) -> Blend | None:
    if photographs is None or random.random() >= config.mixed_share:
        return None
    count = len(photographs.rows)
    return Blend(random.permutation(count), float(random.beta(BLENDING, BLENDING)))
