"""A dual encoder trained from nothing, or from the image tower of another, to a folder that can be
used.

Resumes where a killed run stopped. Writes to the configuration's `out`: `checkpoint.pt`, cached
pictures of scenes and renderings, and `model/` in open_clip's layout.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models.device import Placement
from models.errors import InputError
from models.load import load_parts
from models.openclip import bpe_tokenizer, build
from models.preprocess import Preprocessing
from training.bpe import learn_merges, write_merges
from training.config import TrainingConfig, fingerprint
from training.corpus import (
    Corpus,
    Source,
    build_corpus,
    captioned_sources,
    class_sources,
    decode_sources,
)
from training.export import MERGES_FILE, export_model
from training.image_stage import ImageStep, image_stage
from training.loop import Pace, Stage, run_stage
from training.rendered_corpus import RenderedCorpus, build_rendered_corpus
from training.renderings import WORDS
from training.scene_corpus import SceneCorpus, build_scene_corpus
from training.state import Checkpoints, Learner, Report, save_weights, text_averaged
from training.text_stage import text_stage

VISUAL = "visual."
BEFORE_POLISH = "before_polish.pt"
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Material:
    corpus: Corpus | None
    scenes: SceneCorpus | None
    rendered: RenderedCorpus | None = None

    def texts(self) -> list[str]:
        texts = [text for texts in self.corpus.captions for text in texts] if self.corpus else []
        if self.rendered:
            texts += [f"a {word} of" for words in WORDS.values() for word in words] * 50
        if self.scenes:
            texts += [*self.scenes.full, *self.scenes.instructions]
            texts += [text for texts in self.scenes.short for text in texts]
        return texts


def train_clip(config: TrainingConfig, placement: Placement, threads: int, report: Report) -> Path:
    """A dual encoder: the folder of the finished model."""
    config.out.mkdir(parents=True, exist_ok=True)
    checkpoints = Checkpoints(config.out, fingerprint(config))
    resumes = checkpoints.load() is not None
    build(config.model)  # wrong settings fail here, before any picture is read
    material = _gather(config, threads, report)
    folder = config.out / "model"
    settings = _tokenised(config, material, folder, resumes)
    torch.manual_seed(config.seed)
    tokenizer = bpe_tokenizer(folder / MERGES_FILE, settings["text_cfg"]["context_length"])
    model = (
        _begun(config, settings, report).to(placement.device).to(memory_format=torch.channels_last)
    )
    projection = _projection(material, settings, placement.device)
    learner = Learner(model, tokenizer, projection, placement.device)
    preprocessing = squashed_preprocessing(settings)
    before_polish = config.out / BEFORE_POLISH
    for stage in _left(_stages(config, learner, preprocessing, material), checkpoints):
        if stage.name == "image" and config.image_stage.ema_decay:
            learner.keep_average(config.image_stage.ema_decay)
        run_stage(stage, learner, checkpoints, Pace.of(config), report)
        if stage.name == "image":
            save_weights(before_polish, model.state_dict())
    if config.polish_stage:
        earlier = torch.load(before_polish, weights_only=True, map_location=placement.device)
        model.load_state_dict(text_averaged(earlier, model.state_dict(), config.polish_text_share))
    export_model(folder, learner.exported, settings, preprocessing)
    return folder


def _begun(config: TrainingConfig, settings: dict[str, Any], report: Report) -> torch.nn.Module:
    """Fresh weights, but for the image tower of another model where the run names one."""
    model = build(settings)
    if config.image_tower_of:
        name, other = load_parts(config.image_tower_of, report)
        weights = {k: v for k, v in other.module.state_dict().items() if k.startswith(VISUAL)}
        wanted = {k: v.shape for k, v in model.state_dict().items() if k.startswith(VISUAL)}
        if {k: v.shape for k, v in weights.items()} != wanted:
            raise InputError(f"image_tower_of: {name} has an image tower of another shape")
        model.load_state_dict(weights, strict=False)
    return model


def _stages(
    config: TrainingConfig, learner: Learner, preprocessing: Preprocessing, material: Material
) -> list[Stage]:
    corpus, scenes, stages = material.corpus, material.scenes, []
    if config.text_stage and corpus:
        stages.append(text_stage(config.text_stage, config.seed, learner, corpus))
    for name, section in (("image", config.image_stage), ("polish", config.polish_stage)):
        if section:
            step = ImageStep(section, learner, preprocessing, corpus, scenes, material.rendered)
            stages.append(image_stage(name, config.seed, step))
    return stages


def _left(stages: list[Stage], checkpoints: Checkpoints) -> list[Stage]:
    """The stages from the checkpoint's on."""
    saved = checkpoints.load()
    names = [stage.name for stage in stages]
    return stages[names.index(saved["stage"]) :] if saved else stages


def _gather(config: TrainingConfig, threads: int, report: Report) -> Material:
    corpus = scenes = None
    sources: list[Source] = []
    for captions in config.captions:
        sources += captioned_sources(config.data, captions)
    for classes in config.classes:
        sources += class_sources(config.data, classes)
    if sources:
        report(f"decoding {len(sources)} pictures")
        pixels = decode_sources(sources, config.picture_px, threads)
        corpus = build_corpus(sources, pixels, config.data, config.teacher)
    if config.scenes:
        report(f"drawing {config.scenes.count} scenes")
        scenes = build_scene_corpus(config.scenes, config.picture_px, config.out, threads)
    rendered = None
    if corpus and config.image_stage.rendered_batch:
        report(f"redrawing {len(corpus)} pictures")
        rendered = build_rendered_corpus(corpus, config.seed, config.out, threads)
    return Material(corpus, scenes, rendered)


def _tokenised(
    config: TrainingConfig, material: Material, folder: Path, resumes: bool
) -> dict[str, Any]:
    """The model's settings with the vocabulary that the merges in `folder` make.

    A run that goes on from a checkpoint keeps the merges that it began with.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not resumes or not (folder / MERGES_FILE).exists():
        write_merges(folder / MERGES_FILE, learn_merges(material.texts(), config.vocabulary))
    context = config.model["text_cfg"]["context_length"]
    size = bpe_tokenizer(folder / MERGES_FILE, context).vocab_size
    kwargs = {"bpe_path": MERGES_FILE}
    text = {**config.model["text_cfg"], "vocab_size": size, "tokenizer_kwargs": kwargs}
    return {**config.model, "text_cfg": text}


def _projection(
    material: Material, settings: dict[str, Any], device: torch.device
) -> torch.nn.Linear | None:
    if material.corpus is None or material.corpus.features is None:
        return None
    teacher_dimension = material.corpus.features.shape[-1]
    return torch.nn.Linear(teacher_dimension, settings["embed_dim"], bias=False).to(device)


def squashed_preprocessing(settings: dict[str, Any]) -> Preprocessing:
    side = settings["vision_cfg"]["image_size"]
    return Preprocessing(side, side, IMAGENET_MEAN, IMAGENET_STD, resize_mode="squash")
