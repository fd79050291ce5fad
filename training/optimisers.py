"""How weights move in a run: optimiser, learning rates and schedule.

optimiser_of(parameters, how) -> torch's optimiser over the named parameters that are to learn:
those whose names begin with one of `frozen` are fixed, those of `pretrained` have a rate of their
own; matrices decay, gains and biases do not. set_rates(optimiser, how, step, steps) before a step.
Raises InputError for a prefix that names nothing, and where nothing is left to learn.

Adafactor (Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", ICML
2018) is torch's, without momentum, its updates clipped to a root mean square of 1 and scaled by
that of the weights, as optax's by default. It differs from optax's, with which models in JAX are
trained, in that

- it adds no 1e-30 to a squared gradient, but keeps the mean square from falling below EPSILON ** 2;
- it factors every tensor of two dimensions or more along its last two, where optax factors along
  the two longest, and only where both are of 128 or more;
- a rate above 1 / sqrt(step) is cut to that, which one below 1e-3 meets after a million steps;
- weight decay is multiplied by the rate.

And whatever is meant by tensor: open_clip keeps the projections of query, key and value in one.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator

from models.errors import InputError
from training.config import Section
from training.state import Schedule, constant_share, learning_rate_share, weight_groups

NamedParameters = Iterable[tuple[str, torch.nn.Parameter]]

# its square, which torch compares mean squares with, is the published 1e-30 and no float32 zero
EPSILON = 1e-15
SMALLEST_SCALE = 1e-3  # of a tensor's root mean square, as published


def linear_share(step: int, steps: int, warmup: int) -> float:
    """Linear warm-up, then a line to zero: the share of the peak at this step."""
    if step < warmup:
        return (step + 1) / warmup
    return 1 - (step - warmup) / max(1, steps - warmup)


SCHEDULES: dict[str, Schedule] = {
    "cosine": learning_rate_share,
    "linear": linear_share,
    "constant": constant_share,
}


class Optimiser(Section):
    name: Literal["adamw", "adafactor"] = "adamw"
    learning_rate: float = Field(gt=0)
    pretrained_learning_rate: float | None = Field(default=None, gt=0)  # as learning_rate
    pretrained: tuple[str, ...] = ()  # what their names begin with
    frozen: tuple[str, ...] = ()  # likewise, and before `pretrained`
    weight_decay: float = Field(default=0.0, ge=0)
    betas: tuple[float, float] = (0.9, 0.98)  # of AdamW
    epsilon: float = Field(default=1e-6, gt=0)  # of AdamW
    gradient_limit: float | None = Field(default=None, gt=0)  # of the norm of all together
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_steps: int = Field(default=0, ge=0)
    ema_decay: float | None = Field(default=None, gt=0, lt=1)  # of the weights that are exported

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.pretrained_learning_rate is not None and not self.pretrained:
            raise ValueError("pretrained_learning_rate: for nothing, expected names in pretrained")
        return self


def optimiser_of(parameters: NamedParameters, how: Optimiser) -> torch.optim.Optimizer:
    """Parameters of frozen names stop asking for gradients."""
    learning = _learning(list(parameters), how)
    groups = _groups(learning, how)
    if how.name == "adafactor":
        return torch.optim.Adafactor(groups, eps=(EPSILON, SMALLEST_SCALE))
    return torch.optim.AdamW(groups, betas=how.betas, eps=how.epsilon)


def set_rates(optimiser: torch.optim.Optimizer, how: Optimiser, step: int, steps: int) -> None:
    share = SCHEDULES[how.schedule](step, steps, how.warmup_steps)
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * share


def _learning(
    parameters: Sequence[tuple[str, torch.nn.Parameter]], how: Optimiser
) -> list[tuple[str, torch.nn.Parameter]]:
    for field, prefixes in (("frozen", how.frozen), ("pretrained", how.pretrained)):
        for prefix in prefixes:
            if not any(name.startswith(prefix) for name, _ in parameters):
                known = ", ".join(dict.fromkeys(name.split(".")[0] for name, _ in parameters))
                raise InputError(
                    f"optimiser: {field}: no parameter's name begins with {prefix!r}; "
                    f"they begin with {known}"
                )
    for name, parameter in parameters:
        if name.startswith(how.frozen):
            parameter.requires_grad_(False)
    learning = [(name, parameter) for name, parameter in parameters if parameter.requires_grad]
    if not learning:
        raise InputError("optimiser: frozen: all parameters are, expected some that learn")
    return learning


def _groups(
    learning: Sequence[tuple[str, torch.nn.Parameter]], how: Optimiser
) -> list[dict[str, Any]]:
    pretrained = [(name, p) for name, p in learning if name.startswith(how.pretrained)]
    new = [(name, p) for name, p in learning if not name.startswith(how.pretrained)]
    groups = weight_groups(new, how.learning_rate, how.weight_decay)
    rate = how.pretrained_learning_rate or how.learning_rate
    groups += weight_groups(pretrained, rate, how.weight_decay)
    return [group for group in groups if group["params"]]
