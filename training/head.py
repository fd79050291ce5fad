"""Give a dual encoder a MagicLens head of its own, and teach its text tower instructions with it.

The image tower stays as it is: every picture is embedded once, and the run never sees a pixel
again. Each step draws queries of several relations (training/relations.py) and learns to find each
one's target among all targets of the batch and all the pictures that were asked with, the query's
own among them (InfoNCE with the query picture as a hard negative, as MagicLens). With a text
learning rate above zero the text tower learns too, held by captions that must go on finding their
pictures; the texts' space is then a new one, and collections are to be indexed again. Writes
`model/`: the towers, and the head beside them.

Source: Zhang et al., "MagicLens: Self-Supervised Image Retrieval with Open-Ended Instructions",
ICML 2024.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from models.device import Placement, choose_placement
from models.fusion_head import HEAD_FILE, FusionHead, HeadSizes, PinnedHead, write_head
from models.load import load_encoder, load_folder, load_parts
from models.openclip_encoder import LoadedModel, OpenClipEncoder
from models.text_tower import encode_tokens
from models.tokens import Tokenizer
from training.averages import WeightAverage
from training.caption_edits import caption_edits
from training.config import HeadConfig, fingerprint
from training.contrastive import (
    Contrastive,
    Embeddings,
    FixedScale,
    Labels,
    LearnedScale,
    contrastive_loss,
    scale_of,
)
from training.corpus import Corpus, build_corpus, captioned_sources, class_sources, decode_sources
from training.embedded_corpus import embedded
from training.export import MERGES_FILE, export_model
from training.isa import copy_merges
from training.loop import Losses, Pace, Stage, run_stage
from training.losses import grouped_clip_loss
from training.relations import (
    Depicted,
    Drawn,
    MediaChanges,
    Relation,
    SameClass,
    SceneEdits,
    together,
)
from training.rendered_corpus import RenderedCorpus, build_rendered_corpus
from training.scene_corpus import SceneCorpus, build_scene_corpus
from training.state import Checkpoints, Report, weight_groups

SEEN = {"seed", "picture_px", "captions", "classes", "scenes"}  # what decides which pictures
LOSS = Contrastive(temperature=0.05)


@dataclass
class HeadLearner:
    """The head, the text tower it is taught with, and the moving average of both."""

    model: Any  # open_clip.CLIP; its image tower is never run
    head: FusionHead
    scale: LearnedScale | FixedScale  # of the queries' similarities
    device: torch.device
    decay: float

    def __post_init__(self) -> None:
        self.both = torch.nn.ModuleDict({"model": self.model, "head": self.head})
        self.average = WeightAverage(self.both, self.decay)

    def parameters(self) -> list[torch.nn.Parameter]:
        trained = [p for p in self.both.parameters() if p.requires_grad]
        return [*trained, *self.scale.parameters()]

    def state(self) -> dict[str, Any]:
        both, average = self.both.state_dict(), self.average.state()
        return {"both": both, "average": average, "scale": self.scale.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        self.both.load_state_dict(state["both"])
        self.average.load_state(state["average"])
        self.scale.load_state_dict(state["scale"])

    def settle(self) -> None:
        self.scale.settle()
        self.average.follow(self.both)


@dataclass(frozen=True)
class Captioned:
    """Texts of the table's pictures; those of one group say the same."""

    texts: Sequence[tuple[str, ...]]  # by row
    groups: np.ndarray  # by row


@dataclass(frozen=True)
class HeadStep:
    """The losses of one step; call it with the step's generator."""

    config: HeadConfig
    learner: HeadLearner
    tokenizer: Tokenizer
    table: torch.Tensor  # (pictures, dim): raw
    relations: Sequence[tuple[Relation, int]]  # and how many queries of it
    captioned: Captioned

    def __call__(self, random: np.random.Generator) -> Losses:
        drawn = together([relation.draw(count, random) for relation, count in self.relations])
        losses = {"compose": self._composed(drawn, random)}
        if self.config.text_learning_rate:
            losses["anchor"] = self.config.anchor_weight * self._anchored(random)
        return losses

    def _composed(self, drawn: Drawn, random: np.random.Generator) -> torch.Tensor:
        asked, wanted = self._pictures(drawn.queries, random), self._pictures(drawn.targets, random)
        texts = self._texts(drawn.instructions)
        queries = F.normalize(self.learner.head(asked, texts).float(), dim=-1)
        embeddings = Embeddings(queries, F.normalize(wanted, dim=-1), F.normalize(asked, dim=-1))
        labels = Labels(
            torch.arange(len(queries), device=queries.device),
            torch.from_numpy(drawn.target_groups).to(queries.device),
            torch.from_numpy(drawn.query_groups).to(queries.device),
        )
        return contrastive_loss(embeddings, labels, self.learner.scale(), LOSS)

    def _anchored(self, random: np.random.Generator) -> torch.Tensor:
        """That captions find their pictures, by the model's own temperature."""
        rows = random.choice(len(self.captioned.texts), self.config.anchor_batch, replace=False)
        texts = self._texts([str(random.choice(self.captioned.texts[row])) for row in rows])
        pictures = F.normalize(self._pictures(rows, random), dim=-1)
        groups = torch.from_numpy(self.captioned.groups[rows]).to(pictures.device)
        scale = self.learner.model.logit_scale.exp()
        return grouped_clip_loss(pictures, F.normalize(texts, dim=-1), groups, scale)

    def _pictures(self, rows: np.ndarray, random: np.random.Generator) -> torch.Tensor:
        """Raw (n, dim) float32, with noise in any direction."""
        pictures = self.table[torch.from_numpy(rows)].float()
        noise = torch.from_numpy(random.standard_normal(pictures.shape, dtype=np.float32))
        noise *= pictures.norm(dim=-1, keepdim=True) / pictures.shape[-1] ** 0.5
        return (pictures + self.config.noise * noise).to(self.learner.device)

    def _texts(self, texts: Sequence[str]) -> torch.Tensor:
        tokens = self.tokenizer(list(texts)).to(self.learner.device)
        with torch.set_grad_enabled(bool(self.config.text_learning_rate)):
            return encode_tokens(self.learner.model, tokens).float()


@dataclass(frozen=True)
class Material:
    corpus: Corpus | None
    rendered: RenderedCorpus | None
    scenes: SceneCorpus | None


def train_head(config: HeadConfig, placement: Placement, threads: int, report: Report) -> Path:
    """Train, or go on training; returns the folder of the model with its head."""
    config.out.mkdir(parents=True, exist_ok=True)
    name, loaded = load_parts(config.model, report)
    encoder = load_encoder(config.model, placement, report)
    revision = encoder.space.revision
    checkpoints = Checkpoints(config.out, fingerprint(config, revision))
    checkpoints.load()  # a checkpoint of another configuration is refused before the pictures
    folder = config.out / "model"
    settings = _settings(loaded)
    copy_merges(folder, name, loaded.tokenizer, settings["text_cfg"]["context_length"])
    material = _gather(config, threads, report)
    parts = [part.pixels for part in (material.corpus, material.rendered, material.scenes) if part]
    table = embedded(encoder, parts, config.model_dump_json(include=SEEN), config.out, report)
    torch.manual_seed(config.seed)
    learner = _learner(config, loaded, encoder.space.dimension, placement)
    step = HeadStep(
        config,
        learner,
        loaded.tokenizer,
        torch.from_numpy(table),
        _relations(config, material, table),
        _captioned(material),
    )
    run_stage(_stage(config, step), learner, checkpoints, Pace.of(config), report)
    _export(folder, learner, loaded, settings, config)
    return folder


def _learner(
    config: HeadConfig, loaded: LoadedModel, dimension: int, placement: Placement
) -> HeadLearner:
    sizes = HeadSizes(dimension, config.inner or 4 * dimension, config.heads, config.layers)
    trained = bool(config.text_learning_rate)
    for key, parameter in loaded.module.named_parameters():
        parameter.requires_grad_(trained and not key.startswith("visual."))
    model = loaded.module.to(placement.device)
    head = FusionHead(sizes).to(placement.device)
    scale = scale_of(LOSS).to(placement.device)
    return HeadLearner(model, head, scale, placement.device, config.ema_decay)


def _gather(config: HeadConfig, threads: int, report: Report) -> Material:
    sources = [s for section in config.captions for s in captioned_sources(config.data, section)]
    sources += [s for section in config.classes for s in class_sources(config.data, section)]
    corpus = rendered = scenes = None
    if sources:
        report(f"decoding {len(sources)} pictures")
        pixels = decode_sources(sources, config.picture_px, threads)
        corpus = build_corpus(sources, pixels, config.data, None)
        report(f"redrawing {len(corpus)} pictures")
        rendered = build_rendered_corpus(corpus, config.seed, config.out, threads)
    if config.scenes:
        report(f"drawing {config.scenes.count} scenes")
        scenes = build_scene_corpus(config.scenes, config.picture_px, config.out, threads)
    return Material(corpus, rendered, scenes)


def _relations(
    config: HeadConfig, material: Material, table: np.ndarray
) -> list[tuple[Relation, int]]:
    """Those that the material has, and how many queries each draws."""
    shares, relations = config.queries, list[tuple[Relation, int]]()
    depicted = 0
    if material.corpus and material.rendered:
        both = Depicted(material.corpus, material.rendered)
        depicted = 2 * both.photographs
        relations.append((MediaChanges(both), shares.media))
        if material.corpus.is_class.any():
            relations.append((SameClass(both), shares.classes))
        if shares.captions and not material.corpus.is_class.all():
            written = caption_edits(both, table[: both.photographs], config.seed)
            relations.append((written, shares.captions))
    if material.scenes:
        edits = SceneEdits(material.scenes.edits, material.scenes.instructions, depicted)
        relations.append((edits, shares.scenes))
    return [(relation, count) for relation, count in relations if count]


def _captioned(material: Material) -> Captioned:
    texts: list[tuple[str, ...]] = []
    groups: list[int] = []
    if material.corpus and material.rendered:
        both = Depicted(material.corpus, material.rendered)
        texts += material.corpus.captions
        random = np.random.default_rng(0)
        texts += [
            tuple(material.rendered.caption(row, text, random) for text in said)
            for row, said in enumerate(material.corpus.captions)
        ]
        groups += both.groups.tolist()
    if material.scenes:
        groups += range(len(texts), len(texts) + len(material.scenes))
        texts += [(full,) for full in material.scenes.full]
    return Captioned(texts, np.array(groups, dtype=np.int64))


def _settings(loaded: LoadedModel) -> dict[str, Any]:
    text = {**loaded.settings["text_cfg"], "tokenizer_kwargs": {"bpe_path": MERGES_FILE}}
    return {**loaded.settings, "text_cfg": text}


def _stage(config: HeadConfig, step: HeadStep) -> Stage:
    learner = step.learner
    head = list(learner.head.named_parameters())
    text = [(name, p) for name, p in learner.model.named_parameters() if p.requires_grad]
    groups = weight_groups(head, config.learning_rate, config.weight_decay)
    groups += weight_groups(list(learner.scale.named_parameters()), config.learning_rate, 0.0)
    groups += weight_groups(text, config.text_learning_rate, config.weight_decay) if text else []
    groups = [group for group in groups if group["params"]]
    return Stage("head", config.steps, config.warmup_steps, config.seed, step, groups)


def _export(
    folder: Path,
    learner: HeadLearner,
    loaded: LoadedModel,
    settings: dict[str, Any],
    config: HeadConfig,
) -> None:
    """The head is pinned to the towers as they were written."""
    both: Any = learner.average.module
    (folder / HEAD_FILE).unlink(missing_ok=True)  # of a run before
    export_model(folder, both["model"], settings, loaded.preprocessing)
    written = OpenClipEncoder(folder.name, load_folder(folder), choose_placement("cpu"))
    origin = {"run": config.name, "steps": config.steps, "fingerprint": fingerprint(config)}
    write_head(folder, PinnedHead(both["head"].cpu(), written.space.revision, origin))
