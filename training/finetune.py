"""Adapt a dual encoder to captioned pictures of one's own, so that it forgets little.

Pictures and captions are learned by the contrastive loss; with the method "mod-x" the model's
similarities are held to those that it had before (training/mod_x.py), which the old model, frozen,
gives for the same views and captions. Both run as when they answer: nothing is dropped out, and a
batch norm keeps the statistics that it has, so that a batch of another domain does not overwrite
them, and old and new are compared alike; its gains and biases learn. (The authors' code lets the
statistics follow the batches.) What is exported may lie between the old weights and the new ones
(`tuned_share`), which forgets less than it gives up.

Leaves `checkpoint.pt` in `out`, and `model/`, a folder in open_clip's layout: settings, float16
weights, and the tokenizer's merges, all 48,894 of them where the tokenizer is CLIP's own. It is a
new space: collections of the old model go on with the old model until they are indexed again with
the new one. A MagicLens head fits the old towers alone, and is not taken along. Raises, before any
picture is read, ModelError for a model that such a folder would not give back, and InputError for
`frozen` names that it does not have.
"""

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import torch.nn.functional as F

from models.device import Placement, choose_placement
from models.errors import InputError, ModelError
from models.load import load_folder, load_parts
from models.openclip import CLIP_CONTEXT
from models.openclip_encoder import LoadedModel, OpenClipEncoder
from models.preprocess import Preprocessing
from training.config import fingerprint
from training.export import MERGES_FILE, export_model
from training.finetune_config import FinetuneConfig
from training.finetune_pictures import Captioned, gather_captioned, view_boxes
from training.isa import copy_merges
from training.loop import Losses, Pace, Stage, run_stage
from training.losses import grouped_clip_loss
from training.mod_x import old_similarities_loss
from training.state import Checkpoints, Learner, Report, weight_groups
from training.text_stage import caption_embeddings
from training.views import cut_views, recoloured

TEMPERATURE = ("logit_scale", "logit_bias")


@dataclass(frozen=True)
class Pairs:
    """Row i of the pictures belongs to row i of the texts."""

    pictures: torch.Tensor  # unit (batch, dim)
    texts: torch.Tensor  # unit (batch, dim)

    @property
    def cosines(self) -> torch.Tensor:
        """(batch, batch): a picture a row, a text a column."""
        return self.pictures @ self.texts.T


@dataclass(frozen=True)
class FinetuneStep:
    """The losses of one step; call it with the step's generator."""

    config: FinetuneConfig
    learner: Learner
    old: Learner | None  # whose similarities are held
    preprocessing: Preprocessing
    captioned: Captioned

    def __call__(self, random: np.random.Generator) -> Losses:
        corpus, device = self.captioned.corpus, self.learner.device
        rows = random.choice(len(corpus), min(self.config.batch, len(corpus)), replace=False)
        texts = self.captioned.texts(rows, random)
        boxes = view_boxes(self.config, len(rows), random)
        views = cut_views(corpus.pixels[rows], boxes, self.preprocessing)
        views = recoloured(views, self.config.colour_jitter, random).to(device)
        groups = torch.tensor([corpus.groups[row] for row in rows], device=device)
        new = _pairs(self.learner, views, texts)
        with torch.no_grad():
            old = None if self.old is None else _pairs(self.old, views, texts)
        with torch.autocast(device.type, enabled=False):
            return self._losses(new, old, groups)

    def _losses(self, new: Pairs, old: Pairs | None, groups: torch.Tensor) -> Losses:
        scale, how = self.learner.model.logit_scale.exp(), self.config.mod_x
        losses = {"clip": grouped_clip_loss(new.pictures, new.texts, groups, scale)}
        if old is not None:
            same = groups[:, None] == groups[None, :]
            held = old_similarities_loss(new.cosines, old.cosines, same, how.temperature)
            losses["mod-x"] = how.weight * held
        return losses


def train_finetune(
    config: FinetuneConfig, placement: Placement, threads: int, report: Report
) -> Path:
    """Train, or go on training; returns the folder of the new model."""
    config.out.mkdir(parents=True, exist_ok=True)
    name, loaded = load_parts(config.model, report)
    revision = OpenClipEncoder(name, loaded, choose_placement("cpu")).space.revision
    checkpoints = Checkpoints(config.out, fingerprint(config, revision))
    checkpoints.load()  # a checkpoint of another configuration is refused before the pictures
    rehearse_export(config.out, name, loaded)
    learner = new_learner(config, name, loaded, placement)
    if loaded.head is not None:
        report(f"{name}: its MagicLens head fits the towers as they are, and is left behind")
    captioned = gather_captioned(config, loaded.preprocessing, threads, report)
    old = old_learner(loaded, placement) if config.method == "mod-x" else None
    step = FinetuneStep(config, learner, old, loaded.preprocessing, captioned)
    run_stage(_stage(config, step), learner, checkpoints, Pace.of(config), report)
    tuned = between(loaded.module, learner.exported, config.tuned_share)
    write_model(config.out / "model", name, tuned, loaded)
    return config.out / "model"


def new_learner(
    config: FinetuneConfig, name: str, loaded: LoadedModel, placement: Placement
) -> Learner:
    """A copy of the model, of which what may change learns."""
    model = copy.deepcopy(loaded.module).eval()
    parameters = dict(model.named_parameters())
    for prefix in config.frozen:
        if not any(key.startswith(prefix) for key in parameters):
            raise InputError(f"frozen: {prefix!r} begins no weight of {name}")
    for key, parameter in parameters.items():
        held = key.startswith(config.frozen) or (_is_text(key) and not config.text_learning_rate)
        parameter.requires_grad_(not held)
    if not any(p.requires_grad for key, p in parameters.items() if key not in TEMPERATURE):
        raise InputError(f"frozen: nothing of {name} is left to learn")
    learner = Learner(model.to(placement.device), loaded.tokenizer, None, placement.device)
    if config.ema_decay:
        learner.keep_average(config.ema_decay)
    return learner


def old_learner(loaded: LoadedModel, placement: Placement) -> Learner:
    """The model as it is, of which nothing learns."""
    model = loaded.module.eval().requires_grad_(False).to(placement.device)
    return Learner(model, loaded.tokenizer, None, placement.device)


def between(old: torch.nn.Module, tuned: torch.nn.Module, share: float) -> torch.nn.Module:
    """A copy on the way from the old weights to the tuned ones: each is old + share (tuned - old).

    Source: Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    """
    model = copy.deepcopy(tuned)
    with torch.no_grad():
        for end, begin in zip(model.parameters(), old.parameters(), strict=True):
            end.copy_(torch.lerp(begin.to(end.device), end, share))
    return model


def rehearse_export(out: Path, name: str, loaded: LoadedModel) -> None:
    """Write the model as the run will, and read it back."""
    with TemporaryDirectory(dir=out, prefix="rehearsal-") as scratch:
        write_model(Path(scratch), name, loaded.module, loaded)
        try:
            again = load_folder(Path(scratch))
        except ModelError as error:
            raise ModelError(f"{name}: cannot be written in open_clip's layout: {error}") from error
    written = {**loaded.settings, **loaded.preprocessing.settings()}
    read = {**again.settings, **again.preprocessing.settings()}
    for key in {**written, **read}:
        had, has = written.get(key), read.get(key)
        if json.dumps(had, sort_keys=True) != json.dumps(has, sort_keys=True):
            raise ModelError(
                f"{name}: cannot be written in open_clip's layout: {key} is {had}, read back {has}"
            )


def write_model(folder: Path, name: str, module: torch.nn.Module, loaded: LoadedModel) -> None:
    """These weights with all else of the model that they began as."""
    text = loaded.settings["text_cfg"]
    copy_merges(folder, name, loaded.tokenizer, text.get("context_length", CLIP_CONTEXT))
    named = {**text, "tokenizer_kwargs": {"bpe_path": MERGES_FILE}}
    export_model(folder, module, {**loaded.settings, "text_cfg": named}, loaded.preprocessing)


def _pairs(learner: Learner, views: torch.Tensor, texts: list[str]) -> Pairs:
    pictures = learner.model.encode_image(views).float()
    return Pairs(F.normalize(pictures, dim=-1), caption_embeddings(learner, texts))


def _is_text(key: str) -> bool:
    return not key.startswith("visual.") and key not in TEMPERATURE


def _stage(config: FinetuneConfig, step: FinetuneStep) -> Stage:
    learning = [(key, p) for key, p in step.learner.model.named_parameters() if p.requires_grad]
    text = [(key, p) for key, p in learning if _is_text(key)]
    others = [(key, p) for key, p in learning if not _is_text(key)]
    groups = weight_groups(others, config.learning_rate, config.weight_decay)
    groups += weight_groups(text, config.text_learning_rate, config.weight_decay)
    groups = [group for group in groups if group["params"]]
    return Stage("finetune", config.steps, config.warmup_steps, config.seed, step, groups)
