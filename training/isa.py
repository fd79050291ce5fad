"""ISA's alignment training: a light image tower that writes for a heavy model's gallery.

A light tower learns, from pictures without a word, to give the gallery model's own embeddings: by
global contrastive distillation (its similarities to the gallery embeddings of a batch should be
distributed as the gallery model's are) and directly (the same raw embedding, whose norm the
weighted sum needs). Leaves `checkpoint.pt` and the gallery embeddings in `out`, and `model/`, a
folder in open_clip's layout: the light image tower, a copy of the gallery model's text tower and
merges, and the space that it is pinned to, so that texts, pictures and both together are searched
with it. Built of the paper: asymmetric retrieval, and the global contrastive distillation. Not
built: the adaptive token learner, and with it the local alignment to the text tower's word space.
Source: Du et al., "Image2Sentence based Asymmetrical Zero-shot Composed Image Retrieval", ICLR
2024.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from models.device import Placement
from models.errors import ModelError
from models.load import load_parts
from models.openclip import bpe_tokenizer, build
from models.openclip_encoder import LoadedModel, OpenClipEncoder
from models.pinned import write_pin
from models.preprocess import Preprocessing, normalise
from models.tokens import Tokenizer
from training.bpe import write_merges
from training.config import IsaConfig, fingerprint
from training.export import MERGES_FILE, export_model
from training.loop import Losses, Pace, Stage, run_stage
from training.state import Checkpoints, Learner, Report, weight_groups
from training.unlabelled import ViewCorpus, build_view_corpus, gather_pictures

# words, capitals, signs, digits, a contraction and another script
PROBES = ["A photo of two dogs' toys, it's 10:30!", "Grüße: 犬 - a_b/c"]


def contrastive_distillation(
    light: torch.Tensor, heavy: torch.Tensor, temperature: float, gallery_temperature: float
) -> torch.Tensor:
    """Raw (batch, dim) twice -> the mean over rows of KL(heavy's distribution || light's).

    A row's distribution is the softmax of its cosines to the heavy rows over the temperature.
    """
    anchors = F.normalize(heavy, dim=-1)
    wanted = F.log_softmax(anchors @ anchors.T / gallery_temperature, dim=-1)
    given = F.log_softmax(F.normalize(light, dim=-1) @ anchors.T / temperature, dim=-1)
    return F.kl_div(given, wanted, log_target=True, reduction="batchmean")


def direct_distance(light: torch.Tensor, heavy: torch.Tensor) -> torch.Tensor:
    """Raw (batch, dim) twice -> the mean over rows of |light - heavy|^2 / |heavy|^2."""
    return ((light - heavy).square().sum(dim=-1) / heavy.square().sum(dim=-1)).mean()


@dataclass(frozen=True)
class IsaStep:
    """The losses of one step; call it with the step's generator."""

    config: IsaConfig
    learner: Learner
    preprocessing: Preprocessing
    corpus: ViewCorpus

    def __call__(self, random: np.random.Generator) -> Losses:
        corpus, config = self.corpus, self.config
        size = min(config.batch, len(corpus))
        rows = random.choice(len(corpus), size, replace=False)
        views = random.integers(0, corpus.pixels.shape[1], size)
        mirrored = random.integers(0, 2, size)
        pixels = corpus.pixels[rows, views]  # (batch, height, width, 3)
        pixels[mirrored == 1] = pixels[mirrored == 1][:, :, ::-1]
        heavy = torch.from_numpy(corpus.targets[rows, views, mirrored]).to(self.learner.device)
        batch = torch.from_numpy(pixels).to(self.learner.device)
        images = normalise(batch, self.preprocessing, torch.float32)
        light = self.learner.model.encode_image(images).float()
        contrast = contrastive_distillation(
            light, heavy, config.temperature, config.gallery_temperature
        )
        return {
            "contrast": config.contrastive_weight * contrast,
            "direct": config.direct_weight * direct_distance(light, heavy),
        }


def train_isa(config: IsaConfig, placement: Placement, threads: int, report: Report) -> Path:
    """Train, or go on training; returns the folder of the finished query encoder."""
    config.out.mkdir(parents=True, exist_ok=True)
    name, loaded = load_parts(config.model, report)
    torch.manual_seed(config.seed)
    student, settings = light_model(config, name, loaded)
    preprocessing = light_preprocessing(config, loaded.preprocessing)
    encoder = OpenClipEncoder(name, loaded, placement)
    checkpoints = Checkpoints(config.out, fingerprint(config, encoder.space.revision))
    checkpoints.load()  # a checkpoint of another configuration is refused before the pictures
    folder = config.out / "model"
    copy_merges(folder, name, loaded.tokenizer, settings["text_cfg"]["context_length"])
    pictures = gather_pictures(config, threads)
    report(f"{len(pictures)} pictures, to be seen by {name}")
    corpus = build_view_corpus(config, pictures, encoder, preprocessing, report)
    student.to(placement.device).to(memory_format=torch.channels_last)
    learner = Learner(student, loaded.tokenizer, None, placement.device)
    step = IsaStep(config, learner, preprocessing, corpus)
    run_stage(_stage(config, step), learner, checkpoints, Pace.of(config), report)
    # the settings, without which nobody loads the folder, are written last
    write_pin(folder, encoder.space)
    export_model(folder, student, settings, preprocessing)
    return folder


def light_model(
    config: IsaConfig, name: str, gallery: LoadedModel
) -> tuple[torch.nn.Module, dict[str, Any]]:
    """A fresh light image tower beside a copy of the text tower, frozen; and its settings."""
    settings = {**gallery.settings, "vision_cfg": dict(config.vision)}
    student = build(settings)
    copied = {k: v for k, v in gallery.module.state_dict().items() if not k.startswith("visual.")}
    own = {key: value for key, value in student.state_dict().items() if key.startswith("visual.")}
    try:
        student.load_state_dict({**copied, **own}, strict=True)
    except RuntimeError as error:
        raise ModelError(f"{name}: its text tower is not CLIP's, and cannot be copied") from error
    for key, parameter in student.named_parameters():
        parameter.requires_grad_(key.startswith("visual."))
    text = {**settings["text_cfg"], "tokenizer_kwargs": {"bpe_path": MERGES_FILE}}
    return student.train(), {**settings, "text_cfg": text}


def light_preprocessing(config: IsaConfig, gallery: Preprocessing) -> Preprocessing:
    """The gallery model's, at the light tower's size: both see the same part of a picture."""
    side = int(config.vision["image_size"])
    return replace(gallery, height=side, width=side, resize_to=None)


def copy_merges(folder: Path, name: str, tokenizer: Tokenizer, context_length: int) -> None:
    """Raises ModelError where the copy would split a text otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    ranks: dict[tuple[str, str], int] = getattr(tokenizer, "bpe_ranks", {})
    write_merges(folder / MERGES_FILE, sorted(ranks, key=ranks.__getitem__))
    copied = bpe_tokenizer(folder / MERGES_FILE, context_length)
    if not ranks or not torch.equal(copied(PROBES), tokenizer(PROBES)):
        raise ModelError(f"{name}: its tokenizer is not CLIP's, and cannot be copied")


def _stage(config: IsaConfig, step: IsaStep) -> Stage:
    image = [(n, p) for n, p in step.learner.model.named_parameters() if n.startswith("visual.")]
    groups = weight_groups(image, config.learning_rate, config.weight_decay)
    return Stage("isa", config.steps, config.warmup_steps, config.seed, step, groups)
