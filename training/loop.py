"""One stage's loop: draw, forward, backward, step, log, report, checkpoint.

The forward pass runs in bfloat16 on a device that computes in it, elsewhere in float32.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from models.device import computes_bfloat16
from training.config import Logging, Run
from training.metrics_log import MetricsLog
from training.state import (
    Checkpoints,
    Learning,
    Report,
    Schedule,
    learning_rate_share,
    step_random,
)

LOG = "log"
RATE = "steps_per_s"

Losses = dict[str, torch.Tensor]
StepLosses = Callable[[np.random.Generator], Losses]


@dataclass(frozen=True)
class Optimisation:
    """AdamW's settings besides each group's own, and how the rate goes; CLIP's, where not said."""

    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-6
    gradient_limit: float = 1.0  # of the norm of all gradients together
    schedule: Schedule = learning_rate_share


@dataclass(frozen=True)
class Stage:
    name: str
    steps: int
    warmup_steps: int
    seed: int
    losses: StepLosses  # the weighted losses of one step, drawn by its generator
    groups: list[dict[str, Any]]
    optimisation: Optimisation = Optimisation()


@dataclass(frozen=True)
class Pace:
    """How often a run is saved, and how it is reported."""

    checkpoint_every: int
    log: Logging = field(default_factory=Logging)

    @classmethod
    def of(cls, config: Run) -> "Pace":
        return cls(config.checkpoint_every, config.log)


def run_stage(
    stage: Stage, learner: Learning, checkpoints: Checkpoints, pace: Pace, report: Report
) -> None:
    """Run the stage to its end, from its checkpoint where there is one.

    Its numbers go to `log/STAGE/` beside the checkpoint.
    """
    how = stage.optimisation
    optimiser = torch.optim.AdamW(stage.groups, betas=how.betas, eps=how.eps)
    start = _resume(stage, learner, optimiser, checkpoints)
    log = MetricsLog(checkpoints.folder / LOG / stage.name, pace.log)
    means = Means()
    with log.open(start or None):
        for step in range(start, stage.steps):
            means.add(_one_step(stage, step, learner, optimiser))
            done = step + 1
            if done % pace.log.every == 0 or done == stage.steps:
                values = means.taken()
                log.add(done, values | {"learning_rate": optimiser.param_groups[0]["lr"]})
                report(_line(stage, done, values))
            if done % pace.checkpoint_every == 0 or done == stage.steps:
                checkpoints.save(stage.name, done, learner, optimiser)


class Means:
    """Of the steps' losses since they were last taken, and how many steps there were a second."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._steps, self._began = 0, time.monotonic()

    def add(self, losses: Mapping[str, float]) -> None:
        self._steps += 1
        for name, value in losses.items():
            self._sums[name] += value
            self._counts[name] += 1  # a step need not have every loss

    def taken(self) -> dict[str, float]:
        means = {name: total / self._counts[name] for name, total in self._sums.items()}
        rate = self._steps / max(time.monotonic() - self._began, 1e-9)
        self._start()
        return means | {RATE: rate}


def _line(stage: Stage, done: int, values: Mapping[str, float]) -> str:
    means = "  ".join(f"{name} {mean:.3f}" for name, mean in values.items() if name != RATE)
    left_min = (stage.steps - done) / values[RATE] / 60
    return f"{stage.name} {done}/{stage.steps}  {means}  {left_min:.1f} min left"


def _resume(
    stage: Stage, learner: Learning, optimiser: torch.optim.Optimizer, checkpoints: Checkpoints
) -> int:
    saved = checkpoints.load()
    if saved is None or saved["stage"] != stage.name:
        return 0
    learner.load_state(saved["learner"])
    optimiser.load_state_dict(saved["optimiser"])
    return int(saved["step"])


def _one_step(
    stage: Stage, step: int, learner: Learning, optimiser: torch.optim.Optimizer
) -> dict[str, float]:
    share = stage.optimisation.schedule(step, stage.steps, stage.warmup_steps)
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * share
    random = step_random(stage.seed, stage.name, step)
    half = computes_bfloat16(learner.device)
    with torch.autocast(learner.device.type, dtype=torch.bfloat16, enabled=half):
        losses = stage.losses(random)
    total = torch.stack(list(losses.values())).sum()
    optimiser.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(learner.parameters(), stage.optimisation.gradient_limit)
    optimiser.step()
    learner.settle()
    return {name: float(loss.detach()) for name, loss in losses.items()}
