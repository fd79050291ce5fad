"""One stage's loop: draw, forward in bf16, backward, step, report, checkpoint."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from training.state import (
    Checkpoints,
    Learning,
    Report,
    Schedule,
    learning_rate_share,
    step_random,
)

REPORT_EVERY = 50

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


def run_stage(
    stage: Stage, learner: Learning, checkpoints: Checkpoints, every: int, report: Report
) -> None:
    """Run the stage to its end, from its checkpoint where there is one."""
    how = stage.optimisation
    optimiser = torch.optim.AdamW(stage.groups, betas=how.betas, eps=how.eps)
    start = _resume(stage, learner, optimiser, checkpoints)
    started = time.monotonic()
    sums: defaultdict[str, float] = defaultdict(float)
    for step in range(start, stage.steps):
        for name, value in _one_step(stage, step, learner, optimiser).items():
            sums[name] += value
        if (step + 1) % REPORT_EVERY == 0:
            rate = (step + 1 - start) / (time.monotonic() - started)
            means = "  ".join(f"{name} {total / REPORT_EVERY:.3f}" for name, total in sums.items())
            left_min = (stage.steps - step - 1) / rate / 60
            report(f"{stage.name} {step + 1}/{stage.steps}  {means}  {left_min:.1f} min left")
            sums.clear()
        if (step + 1) % every == 0 or step + 1 == stage.steps:
            checkpoints.save(stage.name, step + 1, learner, optimiser)


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
    with torch.autocast(learner.device.type, dtype=torch.bfloat16):
        losses = stage.losses(random)
    total = torch.stack(list(losses.values())).sum()
    optimiser.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(learner.parameters(), stage.optimisation.gradient_limit)
    optimiser.step()
    learner.settle()
    return {name: float(loss.detach()) for name, loss in losses.items()}
