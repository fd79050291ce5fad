"""Second stage: the image tower.

Of each batch of photographs the tower learns the teacher's projected feature of the same view,
captioned or not, and the captions of those that have one; of each batch of scenes, their captions,
and that a scene's embedding plus an instruction's points at the edited scene. The text tower learns
along, slower.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from models.preprocess import Preprocessing
from training.config import ImageStage
from training.corpus import Corpus
from training.loop import Losses, Stage
from training.losses import clip_loss, composition_loss, distillation_loss
from training.scene_corpus import SceneCorpus
from training.state import Learner, weight_groups
from training.text_stage import caption_embeddings, raw_caption_embeddings, teacher_embeddings
from training.views import cut_views, jittered

Rows = NDArray[np.int64]
WHOLE_BOX = np.array([0, 0, 1, 1], dtype=np.float32)


@dataclass(frozen=True)
class PhotographBatch:
    corpus: Corpus
    rows: Rows  # (batch,)
    views: Rows  # (batch,)
    boxes: NDArray[np.float32]  # (batch, 4)

    def pixels(self) -> NDArray[np.uint8]:
        return self.corpus.pixels[self.rows]


@dataclass(frozen=True)
class SceneBatch:
    scenes: SceneCorpus
    rows: Rows  # (batch,), sorted
    edits: Rows  # whose reference and target are both among the rows
    boxes: NDArray[np.float32]  # (batch, 4)

    def pixels(self) -> NDArray[np.uint8]:
        return self.scenes.pixels[self.rows]


@dataclass(frozen=True)
class ImageStep:
    """The losses of one step; call it with the step's generator."""

    config: ImageStage
    learner: Learner
    preprocessing: Preprocessing
    corpus: Corpus | None
    scenes: SceneCorpus | None

    def __call__(self, random: np.random.Generator) -> Losses:
        photographs = self._draw_photographs(random)
        scenes = self._draw_scenes(random)
        raw = self._encode(photographs, scenes)
        count = len(photographs.rows) if photographs else 0
        losses: Losses = {}
        if photographs:
            losses |= self._photograph_losses(photographs, raw[:count], random)
        if scenes:
            losses |= self._scene_losses(scenes, raw[count:], random)
        return losses

    def _draw_photographs(self, random: np.random.Generator) -> PhotographBatch | None:
        if self.corpus is None or not self.config.batch:
            return None
        captioned = np.flatnonzero(~self.corpus.is_class)
        named = np.flatnonzero(self.corpus.is_class)
        batch = min(self.config.batch, len(self.corpus))
        share = (
            batch - len(named) if len(named) < batch else round(batch * self.config.captioned_share)
        )
        picked = random.choice(captioned, min(max(share, 0), len(captioned)), replace=False)
        rest = random.choice(named, batch - len(picked), replace=False)
        rows = np.concatenate([picked, rest]).astype(np.int64)
        views = random.integers(0, self.corpus.boxes.shape[1], size=len(rows))
        boxes = jittered(self.corpus.boxes[rows, views], self.config.photograph_jitter, random)
        return PhotographBatch(self.corpus, rows, views, boxes)

    def _draw_scenes(self, random: np.random.Generator) -> SceneBatch | None:
        if self.scenes is None or not self.config.scene_batch:
            return None
        batch = min(self.config.scene_batch, len(self.scenes))
        edits = random.choice(len(self.scenes.edits), max(1, batch // 3), replace=False)
        related = np.unique(self.scenes.edits[edits])
        others = np.setdiff1d(random.choice(len(self.scenes), batch, replace=False), related)
        rows = np.sort(np.concatenate([related, others[: max(0, batch - len(related))]]))
        boxes = jittered(np.tile(WHOLE_BOX, (len(rows), 1)), self.config.jitter, random)
        return SceneBatch(self.scenes, rows, edits, boxes)

    def _encode(
        self, photographs: PhotographBatch | None, scenes: SceneBatch | None
    ) -> torch.Tensor:
        """Raw (batch, dim), photographs first; one pass, so that batch norm sees the mixture."""
        batches = [batch for batch in (photographs, scenes) if batch]
        pixels = np.concatenate([batch.pixels() for batch in batches])
        boxes = np.concatenate([batch.boxes for batch in batches])
        views = cut_views(pixels, boxes, self.preprocessing)
        embeddings: torch.Tensor = self.learner.model.encode_image(views.to(self.learner.device))
        return embeddings.float()

    def _photograph_losses(
        self, batch: PhotographBatch, raw: torch.Tensor, random: np.random.Generator
    ) -> Losses:
        corpus, pictures = batch.corpus, F.normalize(raw, dim=-1)
        captioned = np.flatnonzero(~corpus.is_class[batch.rows])
        texts = caption_embeddings(
            self.learner, [str(random.choice(corpus.captions[r])) for r in batch.rows[captioned]]
        )
        scale, weight = self.learner.model.logit_scale.exp(), self.config.clip_weight
        losses = {"clip": weight * clip_loss(pictures[captioned], texts, scale)}
        if corpus.features is not None:
            targets = teacher_embeddings(self.learner, corpus, batch.rows, batch.views).detach()
            distilled = distillation_loss(pictures, targets, self.config.distil_temperature)
            losses["distil"] = self.config.distil_weight * distilled
            losses["anchor"] = weight * clip_loss(targets[captioned], texts, scale)
        return losses

    def _scene_losses(
        self, batch: SceneBatch, raw: torch.Tensor, random: np.random.Generator
    ) -> Losses:
        scenes, pictures = batch.scenes, F.normalize(raw, dim=-1)
        texts = caption_embeddings(self.learner, self._wordings(batch, random))
        scale = self.learner.model.logit_scale.exp()
        references, targets = np.searchsorted(batch.rows, scenes.edits[batch.edits]).T
        instructed = raw_caption_embeddings(
            self.learner, [scenes.instructions[edit] for edit in batch.edits]
        )
        queries = F.normalize(raw[references] + instructed, dim=-1)
        found = composition_loss(
            queries, pictures, torch.from_numpy(targets).to(self.learner.device), scale
        )
        return {
            "scenes": clip_loss(pictures, texts, scale),
            "compose": self.config.compose_weight * found,
        }

    def _wordings(self, batch: SceneBatch, random: np.random.Generator) -> list[str]:
        scenes, short = (
            batch.scenes,
            random.random(len(batch.rows)) < self.config.short_caption_share,
        )
        return [
            str(random.choice(scenes.short[row])) if is_short else scenes.full[row]
            for row, is_short in zip(batch.rows, short, strict=True)
        ]


def image_stage(name: str, seed: int, step: ImageStep) -> Stage:
    config = step.config
    parameters = list(step.learner.model.named_parameters())
    image = [(name, p) for name, p in parameters if name.startswith("visual.")]
    text = [(name, p) for name, p in parameters if not name.startswith("visual.")]
    groups = [
        *weight_groups(image, config.learning_rate, config.weight_decay),
        *weight_groups(text, config.text_learning_rate, config.weight_decay),
    ]
    return Stage(name, config.steps, config.warmup_steps, seed, step, groups)
