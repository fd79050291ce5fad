"""What a MagicLens run is: from which model, on which triplets, by which loss and optimiser.

Paths are relative to the file, those of `shards` and of the validation to `data`. Raises InputError
naming the file and the field. Sizes of the fusion: github.com/google-deepmind/magiclens, model.py.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from training.config import Frozen, Section, checked, read_toml
from training.contrastive import Contrastive, Shared
from training.optimisers import Optimiser
from training.validation import Validation

PUBLISHED = {
    "base": {"layers": 4, "heads": 8, "inner": 2048},
    "large": {"layers": 4, "heads": 16, "inner": 3072},
}

# of a run's fields those that change nothing about the weights it comes to
ELSEWHERE = {
    "data",
    "out",
    "model",
    "kind",
    "shards",
    "checkpoint_every",
    "log",
    "validation",
    "timeout_s",
    "ahead",
}


class FusionSizes(Section):
    layers: int = Field(default=4, ge=1)
    heads: int = Field(ge=1)  # of the layers, and of the pooler
    inner: int = Field(ge=1)  # of the feed-forward layers


def _of_published(sizes: object) -> object:
    if not isinstance(sizes, str):
        return sizes
    if sizes not in PUBLISHED:
        raise ValueError(f"{sizes!r}, expected {', '.join(PUBLISHED)}, or a section of sizes")
    return PUBLISHED[sizes]


class MagicLensConfig(Frozen):
    """`model`: a MagicLens folder, or with `fusion` a CLIP that a fresh fusion is put on."""

    kind: Literal["magiclens"]
    fusion: Annotated[FusionSizes | None, BeforeValidator(_of_published)] = None
    shards: tuple[Path, ...] = Field(min_length=1)  # folders that `pictor triplets` has written
    buffer: int = Field(default=4096, ge=1)  # triplets that are shuffled among themselves
    steps: int = Field(ge=1)
    batch: int = Field(ge=2)  # triplets, of all processes together
    chunk: int = Field(ge=1)  # triplets of a process in the graph at a time
    negatives: int = Field(default=0, ge=0)  # mined ones a query, of those that its triplet has
    precision: Literal["bfloat16", "float32"] = "bfloat16"
    loss: Contrastive = Contrastive()
    optimiser: Optimiser
    ahead: int = Field(default=2, ge=1)  # batches that are decoded while one is learned from
    timeout_s: float = Field(default=1800, gt=0)  # of a process's silence; outlasts a validation
    validation: Validation | None = None

    @property
    def shard_folders(self) -> list[Path]:
        return [self.data / folder for folder in self.shards]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        mined = self.loss.mined_negatives
        if self.negatives and mined == Shared.NONE:
            raise ValueError(f"negatives: {self.negatives}, and loss.mined_negatives is none")
        if mined != Shared.NONE and not self.negatives:
            raise ValueError(f"negatives: none, and loss.mined_negatives is {mined.value}")
        if self.checkpoint_every % self.log.every:
            # else a resumed run would take its first mean over other steps
            raise ValueError(
                f"checkpoint_every: {self.checkpoint_every}, "
                f"expected a multiple of log.every, {self.log.every}"
            )
        if self.optimiser.warmup_steps >= self.steps:
            raise ValueError(
                f"optimiser.warmup_steps: {self.optimiser.warmup_steps} of {self.steps} steps"
            )
        return self


def read_magiclens_config(path: Path) -> MagicLensConfig:
    return checked(path, read_toml(path), MagicLensConfig)


def run_fingerprint(config: MagicLensConfig, model: str, shards: str) -> str:
    """Of all that decides the result: the configuration, the model's revision, what the shards
    hold."""
    said = json.dumps(config.model_dump(mode="json", exclude=ELSEWHERE), sort_keys=True)
    return hashlib.sha256("\n".join([said, model, shards]).encode()).hexdigest()[:16]
