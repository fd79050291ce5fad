"""Second stage: the image tower.

Of each batch of photographs the tower learns the teacher's projected feature of the same view; of
all of them, and of photographs redrawn in another medium, what their captions or the names of
their classes say; of each batch of scenes, their captions, and, where it is asked for, that a
scene's embedding plus an instruction's points at the edited scene. The text tower learns along,
slower.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from models.preprocess import Preprocessing
from training.batches import (
    Batch,
    Blend,
    PhotographBatch,
    RenderedBatch,
    SceneBatch,
    draw_blend,
    draw_photographs,
    draw_rendered,
    draw_scenes,
)
from training.config import ImageStage
from training.corpus import Corpus
from training.loop import Losses, Stage
from training.losses import clip_loss, composition_loss, distillation_loss, grouped_clip_loss
from training.rendered_corpus import RenderedCorpus
from training.scene_corpus import SceneCorpus
from training.state import Learner, weight_groups
from training.text_stage import caption_embeddings, raw_caption_embeddings, teacher_embeddings
from training.views import cut_views, recoloured

REDRAWN_WEIGHT = 0.25


@dataclass(frozen=True)
class Encoded:
    """The photographs of a step, those that are redrawn, and what the tower made of them."""

    photographs: PhotographBatch
    pictures: torch.Tensor  # unit (batch, dim)
    rendered: RenderedBatch | None
    redrawn: torch.Tensor  # unit (rendered batch, dim)
    blend: Blend | None


@dataclass(frozen=True)
class ImageStep:
    """The losses of one step; call it with the step's generator."""

    config: ImageStage
    learner: Learner
    preprocessing: Preprocessing
    corpus: Corpus | None
    scenes: SceneCorpus | None
    rendered: RenderedCorpus | None = None

    def __call__(self, random: np.random.Generator) -> Losses:
        photographs = draw_photographs(self.corpus, self.config, random)
        rendered = draw_rendered(self.rendered, self.corpus, self.config, random)
        scenes = draw_scenes(self.scenes, self.config, random)
        blend = draw_blend(photographs, self.config, random)
        batches = [batch for batch in (photographs, rendered, scenes) if batch]
        raw = self._encode(batches, blend, random)
        parts = iter(torch.split(raw, [len(batch.rows) for batch in batches]))
        losses: Losses = {}
        if photographs:
            mine = F.normalize(next(parts), dim=-1)
            redrawn = F.normalize(next(parts), dim=-1) if rendered else mine[:0]
            encoded = Encoded(photographs, mine, rendered, redrawn, blend)
            if blend is None:
                losses |= self._caption_losses(encoded, random)
            losses |= self._distillation(encoded)
        if scenes:
            losses |= self._scene_losses(scenes, next(parts), random)
        return losses

    def _encode(
        self, batches: Sequence[Batch], blend: Blend | None, random: np.random.Generator
    ) -> torch.Tensor:
        """Raw (batch, dim), in order; one pass, so that batch norm sees the mixture."""
        pixels = np.concatenate([batch.pixels() for batch in batches])
        boxes = np.concatenate([batch.boxes for batch in batches])
        views = cut_views(pixels, boxes, self.preprocessing)
        if self.config.colour_jitter:
            # a scene's caption names its colours
            count = sum(len(b.rows) for b in batches if not isinstance(b, SceneBatch))
            views[:count] = recoloured(views[:count], self.config.colour_jitter, random)
        if blend is not None:
            views[: len(blend.other)] = blend.of(views[: len(blend.other)])
        embeddings: torch.Tensor = self.learner.model.encode_image(views.to(self.learner.device))
        return embeddings.float()

    def _caption_losses(self, encoded: Encoded, random: np.random.Generator) -> Losses:
        batch, corpus = encoded.photographs, encoded.photographs.corpus
        scale, weight = self.learner.model.logit_scale.exp(), self.config.clip_weight
        texts = [str(random.choice(corpus.captions[row])) for row in batch.rows]
        groups = [corpus.groups[row] for row in batch.rows]
        if encoded.rendered:
            texts += encoded.rendered.captions(random)
            groups += encoded.rendered.groups()
        embedded = caption_embeddings(self.learner, texts)
        group = torch.tensor(groups, device=embedded.device)
        pictures = torch.cat([encoded.pictures, encoded.redrawn])
        losses = {"clip": weight * grouped_clip_loss(pictures, embedded, group, scale)}
        if corpus.features is not None:
            count = len(batch.rows)
            targets = self._targets(batch)
            anchored = grouped_clip_loss(targets, embedded[:count], group[:count], scale)
            losses["anchor"] = weight * anchored
        return losses

    def _distillation(self, encoded: Encoded) -> Losses:
        config, batch = self.config, encoded.photographs
        if batch.corpus.features is None:
            return {}
        targets = self._targets(batch)
        if encoded.blend is not None:
            targets = F.normalize(encoded.blend.of(targets), dim=-1)
        distilled = distillation_loss(encoded.pictures, targets, config.distil_temperature)
        losses = {"distil": config.distil_weight * distilled}
        if encoded.rendered:
            # what is drawn stays the nearest, how it is drawn may differ
            candidates = torch.cat([self._targets(encoded.rendered), targets])
            logits = encoded.redrawn @ candidates.T / config.distil_temperature
            labels = torch.arange(len(logits), device=logits.device)
            losses["redrawn"] = REDRAWN_WEIGHT * F.cross_entropy(logits, labels)
        return losses

    def _targets(self, batch: PhotographBatch | RenderedBatch) -> torch.Tensor:
        return teacher_embeddings(self.learner, batch.corpus, batch.rows, batch.views).detach()

    def _scene_losses(
        self, batch: SceneBatch, raw: torch.Tensor, random: np.random.Generator
    ) -> Losses:
        scenes, pictures = batch.scenes, F.normalize(raw, dim=-1)
        texts = caption_embeddings(self.learner, self._wordings(batch, random))
        scale = self.learner.model.logit_scale.exp()
        losses = {"scenes": clip_loss(pictures, texts, scale)}
        if not self.config.compose_weight:
            return losses
        references, targets = np.searchsorted(batch.rows, scenes.edits[batch.edits]).T
        instructed = raw_caption_embeddings(
            self.learner, [scenes.instructions[edit] for edit in batch.edits]
        )
        queries = F.normalize(raw[references] + instructed, dim=-1)
        found = composition_loss(
            queries, pictures, torch.from_numpy(targets).to(self.learner.device), scale
        )
        return losses | {"compose": self.config.compose_weight * found}

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
