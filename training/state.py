"""What a run carries from step to step, and its checkpoints.

Every batch is drawn by a generator seeded with (seed, stage, step), so the weights, the optimiser
and the step are all that a resumed run needs to go on to the same losses. A checkpoint is written
to a temporary name and renamed; a killed run leaves the one before.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from models.errors import InputError
from models.tokens import Tokenizer
from training.averages import WeightAverage

CHECKPOINT = "checkpoint.pt"
MAX_LOGIT_SCALE = 4.6052  # ln 100, as CLIP clamps it
Report = Callable[[str], None]
Schedule = Callable[[int, int, int], float]  # step, steps, warm-up steps -> share of the peak rate


class Learning(Protocol):
    """What a stage trains."""

    @property
    def device(self) -> torch.device: ...

    def parameters(self) -> list[torch.nn.Parameter]: ...

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs, besides the optimiser and the step."""
        ...

    def load_state(self, state: dict[str, Any]) -> None: ...

    def settle(self) -> None:
        """What follows each step of the optimiser."""
        ...


@dataclass
class Learner:
    """The model in training: open_clip's module, and the projection of the teacher's features."""

    model: Any  # open_clip.CLIP
    tokenizer: Tokenizer
    projection: torch.nn.Linear | None
    device: torch.device
    average: WeightAverage | None = None  # once a stage keeps one

    def keep_average(self, decay: float) -> None:
        """From here on the exported weights are a moving average of the steps'."""
        if self.average is None:
            self.average = WeightAverage(self.model, decay)

    @property
    def exported(self) -> Any:  # noqa: ANN401
        return self.model if self.average is None else self.average.module

    def parameters(self) -> list[torch.nn.Parameter]:
        extra = list(self.projection.parameters()) if self.projection else []
        return [*self.model.parameters(), *extra]

    def state(self) -> dict[str, Any]:
        projection = self.projection.state_dict() if self.projection else None
        average = self.average.state() if self.average is not None else None
        return {"model": self.model.state_dict(), "projection": projection, "average": average}

    def load_state(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        if self.projection:
            self.projection.load_state_dict(state["projection"])
        if self.average is not None and state["average"]:
            self.average.load_state(state["average"])

    def settle(self) -> None:
        with torch.no_grad():
            self.model.logit_scale.clamp_(0, MAX_LOGIT_SCALE)
        if self.average is not None:
            self.average.follow(self.model)


@dataclass(frozen=True)
class Checkpoints:
    """The run's folder; `fingerprint` names the configuration that its checkpoint belongs to."""

    folder: Path
    fingerprint: str

    def save(
        self, stage: str, step: int, learner: Learning, optimiser: torch.optim.Optimizer
    ) -> None:
        content = {
            "fingerprint": self.fingerprint,
            "stage": stage,
            "step": step,
            "learner": learner.state(),
            "optimiser": optimiser.state_dict(),
        }
        save_weights(self.folder / CHECKPOINT, content)

    def load(self) -> dict[str, Any] | None:
        """The last checkpoint, or None; InputError where it belongs to another configuration."""
        path = self.folder / CHECKPOINT
        if not path.exists():
            return None
        content: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        if content["fingerprint"] != self.fingerprint:
            raise InputError(
                f"{path}: written by a run of another configuration; "
                "remove it to start afresh, or give this run another `out`"
            )
        return content


def save_weights(path: Path, content: dict[str, Any]) -> None:
    """Written whole or not at all."""
    unfinished = path.with_name(f"{path.name}.tmp")
    with unfinished.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def text_averaged(
    earlier: dict[str, torch.Tensor], later: dict[str, torch.Tensor], share: float
) -> dict[str, torch.Tensor]:
    """The later weights, but of the text tower's only `share`, the rest being the earlier ones.

    Source: Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    """
    return {
        name: tensor if name.startswith("visual.") else torch.lerp(earlier[name], tensor, share)
        for name, tensor in later.items()
    }


def step_random(seed: int, stage: str, step: int) -> np.random.Generator:
    return np.random.default_rng([seed, sum(stage.encode()), step])


def constant_share(step: int, steps: int, warmup: int) -> float:
    """Linear warm-up, then the peak to the end."""
    return min(1.0, (step + 1) / max(1, warmup))


def learning_rate_share(step: int, steps: int, warmup: int) -> float:
    """Linear warm-up, then a cosine to zero: the share of the peak at this step."""
    if step < warmup:
        return (step + 1) / warmup
    through = (step - warmup) / max(1, steps - warmup)
    return float(0.5 * (1 + np.cos(np.pi * through)))


def weight_groups(
    parameters: list[tuple[str, torch.nn.Parameter]], rate: float, decay: float
) -> list[dict[str, Any]]:
    """Matrices decay; gains, biases, and the temperature do not."""
    matrices = [p for _, p in parameters if p.ndim > 1]
    others = [p for _, p in parameters if p.ndim <= 1]
    return [
        {"params": matrices, "lr": rate, "peak": rate, "weight_decay": decay},
        {"params": others, "lr": rate, "peak": rate, "weight_decay": 0.0},
    ]
