"""A moving average of weights, for what is evaluated and exported.

average <- decay * average + (1 - decay) * weights, after each step; buffers (a batch norm's
statistics) are averaged too. Source: Polyak & Juditsky, "Acceleration of Stochastic Approximation
by Averaging", 1992, with exponential weights, as torch's AveragedModel has them.
"""

from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class WeightAverage:
    """A moving average of a module's weights, `module` holding the averages.

    A buffer with infinity in it, as the mask of a text tower, has no average: it is copied.
    """

    def __init__(self, module: torch.nn.Module, decay: float) -> None:
        averaging = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        self._average: Any = AveragedModel(module, multi_avg_fn=averaging, use_buffers=True)
        self._average.requires_grad_(False)
        self._copied = {
            name for name, buffer in module.named_buffers() if not bool(buffer.isfinite().all())
        }

    @property
    def module(self) -> torch.nn.Module:
        module: torch.nn.Module = self._average.module
        return module

    def follow(self, module: torch.nn.Module) -> None:
        """One step of the module's; its first is copied."""
        self._average.update_parameters(module)
        averages = dict(self.module.named_buffers())
        for name, buffer in module.named_buffers():
            if name in self._copied:
                averages[name].copy_(buffer)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._average.state_dict()
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        self._average.load_state_dict(state)
