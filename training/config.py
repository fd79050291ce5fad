"""What a training run says: the sections of its TOML file, checked whole before anything starts.

Paths in the file are relative to the file, those of the data to its `data`. Raises InputError
naming the file and the field. training/kinds.py has the runs by their kind.
"""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import InputError


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CaptionTable(Section):
    """A table with the columns file, split, caption."""

    table: Path
    split: str = "train"


class CaptionedPictures(CaptionTable):
    """A folder of pictures and the table of their captions."""

    folder: Path


class NamedClasses(Section):
    """Pictures whose caption is the name of their class: a folder a class, or a tar of such
    folders."""

    path: Path
    names: str | None = None  # in a tar: its member with the columns folder, names
    exclude: tuple[str, ...] = ()


class SampleScenes(Section):
    seed: int
    count: int = Field(ge=2)
    without: tuple[str, ...] = ()  # THING/EDIT, whose edits nothing is learned from


class Teacher(Section):
    """Features to distil: row i of `features` and `boxes` belongs to line i of `files`."""

    features: Path  # (pictures, views, dim) int8, rows x 127 of unit vectors
    boxes: Path  # (pictures, views - 2, 4) float32: left, top, right, bottom in 0..1
    files: Path  # paths below `data`


class TextStage(Section):
    """Fit the text tower and a projection to the teacher's features; no picture is decoded."""

    steps: int = Field(ge=1)
    batch: int = Field(default=512, ge=2)
    class_batch: int = Field(default=64, ge=0)
    learning_rate: float = 1e-3
    weight_decay: float = 0.1


class ImageStage(Section):
    """Train the image tower, and on captions and scenes the text tower with it."""

    steps: int = Field(ge=1)
    batch: int = Field(default=128, ge=0)
    captioned_share: float = Field(default=0.4, gt=0, le=1)  # of the photographs in a batch
    scene_batch: int = Field(default=96, ge=0)
    learning_rate: float = 2e-3
    text_learning_rate: float = 5e-4
    weight_decay: float = 0.05
    warmup_steps: int = 200
    distil_weight: float = 1.0
    distil_temperature: float = 0.06
    clip_weight: float = 0.5
    compose_weight: float = 0.5
    short_caption_share: float = Field(default=0.3, ge=0, le=1)
    jitter: float = Field(default=0.05, ge=0, lt=0.5)  # of a scene's side, shift and zoom
    photograph_jitter: float = Field(default=0.0, ge=0, lt=0.5)  # the same of a photograph's view
    colour_jitter: float = Field(default=0.0, ge=0, lt=1)  # of brightness, contrast, saturation
    rendered_batch: int = Field(default=0, ge=0)  # photographs redrawn as in another medium
    mixed_share: float = Field(default=0.0, ge=0, le=1)  # of steps, whose photographs are blended
    ema_decay: float | None = Field(default=None, gt=0, lt=1)  # of the weights that are exported


class Logging(Section):
    """Of a run's numbers: metrics.jsonl, and TensorBoard's events where they are wanted."""

    every: int = Field(default=50, ge=1)  # steps
    tensorboard: bool = False


class Run(Section):
    """What a run of any kind says."""

    name: str
    seed: int
    data: Path
    out: Path
    checkpoint_every: int = Field(default=500, ge=1)
    log: Logging = Logging()

    def beside(self, folder: Path) -> dict[str, Any]:
        """What changes when the paths are read as relative to that folder."""
        return {"data": (folder / self.data).resolve(), "out": (folder / self.out).resolve()}


class TrainingConfig(Run):
    """`model` holds open_clip's settings: embed_dim, vision_cfg, text_cfg."""

    kind: Literal["clip"] = "clip"
    model: dict[str, Any]
    image_tower_of: str | None = None  # a model that `--model` takes, whose tower goes on learning
    vocabulary: int = Field(default=8000, ge=600, le=49408)
    picture_px: int = Field(default=128, ge=32)
    captions: tuple[CaptionedPictures, ...] = ()
    classes: tuple[NamedClasses, ...] = ()
    scenes: SampleScenes | None = None
    teacher: Teacher | None = None
    text_stage: TextStage | None = None
    image_stage: ImageStage
    polish_stage: ImageStage | None = None  # a second cosine, from where the first ended
    polish_text_share: float = Field(default=1.0, gt=0, le=1)  # the rest: the text tower before it

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for tower, name in (("vision_cfg", "image_size"), ("text_cfg", "context_length")):
            if not isinstance(self.model.get(tower, {}).get(name), int):
                raise ValueError(f"model.{tower}.{name}: expected a whole number")
        if not isinstance(self.model.get("embed_dim"), int):
            raise ValueError("model.embed_dim: expected a whole number")
        if not self.captions and not self.scenes:
            raise ValueError("nothing to learn from: expected captions or scenes")
        if self.text_stage and not (self.teacher and self.captions):
            raise ValueError("text_stage: needs captions, and a teacher whose features it fits")
        return self

    def beside(self, folder: Path) -> dict[str, Any]:
        begun = self.image_tower_of and _model_beside(folder, self.image_tower_of)
        return {**super().beside(folder), "image_tower_of": begun}


class Frozen(Run):
    """A run beside a model that it leaves as it is: a word that `--model` takes, or a path."""

    model: str

    def beside(self, folder: Path) -> dict[str, Any]:
        return {**super().beside(folder), "model": _model_beside(folder, self.model)}


class LincirConfig(Frozen):
    """Published: batch 512, 20,000 steps, noise 1.0, for CLIP's raw text embeddings of norm ~10."""

    kind: Literal["lincir"]
    texts: tuple[Path, ...] = ()  # files of one caption a line
    captions: tuple[CaptionTable, ...] = ()
    scenes: SampleScenes | None = None  # their captions; nothing is drawn
    steps: int = Field(ge=1)
    batch: int = Field(default=256, ge=1)
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    warmup_steps: int = 0
    hidden: int | None = Field(default=None, ge=1)  # four times the embedding's dimension
    dropout: float = Field(default=0.5, ge=0, lt=1)
    noise: float = Field(default=1.0, ge=0)  # its largest deviation, a dimension
    scales: tuple[float, float] = (1.0, 1.0)  # between which the network's input is lengthened
    ema_decay: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not 0 < self.scales[0] <= self.scales[1]:
            raise ValueError("scales: expected two positive numbers, the smaller first")
        if not (self.texts or self.captions or self.scenes):
            raise ValueError("nothing to learn from: expected texts, captions or scenes")
        return self


class Pictures(Section):
    """A folder, walked with all below it, or a tar; with a table only what its split names."""

    path: Path
    table: Path | None = None
    split: str = "train"


class IsaConfig(Frozen):
    """`vision` holds open_clip's settings of the light tower, as a model's vision_cfg."""

    kind: Literal["isa"]
    vision: dict[str, Any]
    pictures: tuple[Pictures, ...] = ()
    scenes: SampleScenes | None = None
    picture_px: int = Field(default=128, ge=32)  # of a scene
    crops: int = Field(default=1, ge=0)  # views of a picture besides the whole; all mirrored too
    smallest_crop: float = Field(default=0.5, gt=0, le=1)  # its sides, as a share of the picture's
    steps: int = Field(ge=1)
    batch: int = Field(default=256, ge=2)
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 200
    temperature: float = Field(default=0.05, gt=0)  # of the light embeddings' similarities
    gallery_temperature: float = Field(default=0.05, gt=0)  # of the heavy ones'
    contrastive_weight: float = 1.0
    direct_weight: float = 1.0

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not isinstance(self.vision.get("image_size"), int):
            raise ValueError("vision.image_size: expected a whole number")
        if not (self.pictures or self.scenes):
            raise ValueError("nothing to learn from: expected pictures or scenes")
        return self


class Shares(Section):
    """How many queries of each relation a step draws."""

    scenes: int = Field(default=64, ge=0)
    media: int = Field(default=96, ge=0)
    classes: int = Field(default=32, ge=0)
    captions: int = Field(default=64, ge=0)


class HeadConfig(Frozen):
    """A MagicLens head beside a dual encoder's towers, of which the image tower stays."""

    kind: Literal["head"]
    picture_px: int = Field(default=128, ge=32)
    captions: tuple[CaptionedPictures, ...] = ()
    classes: tuple[NamedClasses, ...] = ()
    scenes: SampleScenes | None = None
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=8, ge=1)
    inner: int | None = Field(default=None, ge=1)  # four times the embedding's dimension
    steps: int = Field(ge=1)
    queries: Shares = Shares()
    learning_rate: float = 5e-4
    text_learning_rate: float = Field(default=0.0, ge=0)  # 0: the text tower stays as it is
    weight_decay: float = 0.05
    warmup_steps: int = 100
    noise: float = Field(default=0.0, ge=0)  # of an embedding's length, added to both ends
    anchor_batch: int = Field(default=192, ge=2)  # captions that hold the text tower
    anchor_weight: float = 1.0
    ema_decay: float = Field(default=0.99, gt=0, lt=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not (self.captions or self.classes or self.scenes):
            raise ValueError("nothing to learn from: expected captions, classes or scenes")
        return self


def _model_beside(folder: Path, model: str) -> str:
    """A word that `--model` takes as it is; a path, of a folder or after an architecture's name,
    as relative to the folder."""
    architecture, slash, file = model.partition("/")
    if (folder / model).is_dir():
        return str((folder / model).resolve())
    if slash and (folder / file).is_file():
        return f"{architecture}/{(folder / file).resolve()}"
    return model


AnyRun = TypeVar("AnyRun", bound=Run)


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}") from error


def checked(path: Path, content: dict[str, Any], kind: type[AnyRun]) -> AnyRun:
    """The content of that file as a run of this kind, with its paths made absolute."""
    try:
        config = kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {where or 'run'}: {first['msg']}") from error
    return config.model_copy(update=config.beside(path.resolve().parent))


def fingerprint(config: Run, *others: str) -> str:
    """Of all that decides the result: the configuration without its places, and what else it is
    given (the revision of the model that a run is beside)."""
    places = {"data", "out", "checkpoint_every", "log", "kind"} | ({"model"} if others else set())
    content = json.dumps(config.model_dump(mode="json", exclude=places), sort_keys=True)
    return hashlib.sha256("\n".join([content, *others]).encode()).hexdigest()[:16]
