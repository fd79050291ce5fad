"""What a training run is: one TOML file, checked whole before anything starts.

Paths in the file are relative to the file. Raises InputError naming the file and the field.
"""

import tomllib
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import InputError


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CaptionedPictures(Section):
    """A folder of pictures and a table with the columns file, split, caption."""

    folder: Path
    table: Path
    split: str = "train"


class NamedClasses(Section):
    """Pictures whose caption is the name of their class: a folder a class, or a tar of such
    folders."""

    path: Path
    names: str | None = None  # in a tar: its member with the columns folder, names
    exclude: tuple[str, ...] = ()


class SampleScenes(Section):
    seed: int
    count: int = Field(ge=2)


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


class TrainingConfig(Section):
    """`model` holds open_clip's settings: embed_dim, vision_cfg, text_cfg."""

    name: str
    seed: int
    data: Path
    out: Path
    model: dict[str, Any]
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
    checkpoint_every: int = Field(default=500, ge=1)

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


def read_config(path: Path) -> TrainingConfig:
    """The run that this TOML file describes, with its paths made absolute."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        config = TrainingConfig.model_validate(content)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {where or 'run'}: {first['msg']}") from error
    here = path.resolve().parent
    return config.model_copy(
        update={"data": (here / config.data).resolve(), "out": (here / config.out).resolve()}
    )
