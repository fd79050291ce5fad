"""What fine-tuning is told: a dual encoder, captioned pictures, and how much of it may change."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from training.config import CaptionedPictures, Frozen, NamedClasses, Section

Prefix = Annotated[str, Field(min_length=1)]


class ModX(Section):
    """How the old model's similarities are held (training/mod_x.py); as published."""

    weight: float = Field(default=20.0, gt=0)
    temperature: float = Field(default=1.0, gt=0)


class FinetuneConfig(Frozen):
    """`model` is where the run starts; it stays as it is, and a new one is written."""

    kind: Literal["finetune"]
    captions: tuple[CaptionedPictures, ...] = ()
    classes: tuple[NamedClasses, ...] = ()
    renderings: Literal["drawing", "cartoon", "painting"] | None = None  # pictures are redrawn so
    picture_px: int | None = Field(default=None, ge=32)  # kept in memory; the model's own size
    steps: int = Field(ge=1)
    batch: int = Field(default=128, ge=2)
    learning_rate: float = Field(default=1e-5, gt=0)
    text_learning_rate: float = Field(default=1e-5, ge=0)  # 0: the text tower stays as it is
    weight_decay: float = Field(default=0.01, ge=0)
    warmup_steps: int = Field(default=50, ge=0)
    method: Literal["mod-x", "plain"] = "mod-x"
    mod_x: ModX = ModX()
    smallest_crop: float = Field(default=0.8, gt=0, le=1)  # its sides, as a share of the picture's
    jitter: float = Field(default=0.0, ge=0, lt=0.5)  # of a view's sides, in pictures' sides
    colour_jitter: float = Field(default=0.1, ge=0, lt=1)  # of brightness, contrast, saturation
    mirrored_share: float = Field(default=0.5, ge=0, le=1)  # of the views
    frozen: tuple[Prefix, ...] = ()  # weights whose names begin so stay as they are
    tuned_share: float = Field(default=1.0, gt=0, le=1)  # of the exported weights; the rest: old
    ema_decay: float | None = Field(default=None, gt=0, lt=1)  # of the weights that are exported

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not (self.captions or self.classes):
            raise ValueError("nothing to learn from: expected captions or classes")
        if self.method != "mod-x" and "mod_x" in self.model_fields_set:
            raise ValueError(f"mod_x: goes with method mod-x, not {self.method}")
        return self
