"""One step of a MagicLens's training: a batch of triplets to the loss and its gradients.

A query is a picture with its instruction; targets, mined negatives and the pictures that were asked
with are fused with the text "", as a gallery's are. Towers run under the run's autocast, the fusion
on top, which costs next to nothing, in float32. The batch may be of any size: `chunk` triplets are
in the graph at a time (training/gradient_cache.py), and every process has rows of its own
(training/distributed.py).
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from models.magiclens.module import MagicLens
from training.averages import WeightAverage
from training.contrastive import (
    Embeddings,
    FixedScale,
    Labels,
    LearnedScale,
    contrastive_loss,
)
from training.distributed import Processes, whole_batch
from training.gradient_cache import GradientCache, Tensors
from training.magiclens_config import MagicLensConfig
from training.optimisers import set_rates
from training.state import step_random
from training.triplet_batches import TripletBatch

STAGE = "magiclens"
WHITE = 255
SEEDS = 2**31


@dataclass
class MagicLensLearner:
    """What a run trains; parameters are named as in the module, the temperature `scale.`."""

    module: MagicLens
    scale: LearnedScale | FixedScale
    device: torch.device
    average: WeightAverage | None

    @property
    def everything(self) -> torch.nn.ModuleDict:
        return torch.nn.ModuleDict({"module": self.module, "scale": self.scale})

    @property
    def exported(self) -> MagicLens:
        averaged: Any = self.average.module if self.average else self.module
        result: MagicLens = averaged
        return result

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        scale = [(f"scale.{name}", p) for name, p in self.scale.named_parameters()]
        return [*self.module.named_parameters(), *scale]

    def parameters(self) -> list[torch.nn.Parameter]:
        return [p for _, p in self.named_parameters() if p.requires_grad]

    def state(self) -> dict[str, Any]:
        average = self.average.state() if self.average else None
        return {"everything": self.everything.state_dict(), "average": average}

    def load_state(self, state: dict[str, Any]) -> None:
        self.everything.load_state_dict(state["everything"])
        if self.average and state["average"]:
            self.average.load_state(state["average"])

    def settle(self) -> None:
        self.scale.settle()
        if self.average:
            self.average.follow(self.module)


@dataclass(frozen=True)
class Encoding:
    """Rows of a batch to unit embeddings, for the gradient cache."""

    module: MagicLens
    no_words: torch.Tensor  # (1, context): the tokens of ""
    precision: torch.dtype
    device: torch.device

    def __call__(self, chunk: Tensors) -> Tensors:
        """Pictures of queries and targets, tokens, pictures of negatives (n, h, ...) -> embeddings
        of queries, targets, the queries' pictures, and negatives (n, h, dim)."""
        queries, targets, tokens, negatives = (part.to(self.device) for part in chunk)
        count, each = negatives.shape[:2]
        pictures = torch.cat([queries, targets, negatives.flatten(0, 1)])
        with self._autocast():
            images = self.module.encode_images(pictures.float() / WHITE).float()
            texts = self.module.encode_tokens(torch.cat([tokens, self.no_words])).float()
        composed = self.module.fuse(images[:count], texts[:-1])
        alone = self.module.fuse(images, texts[-1:].expand(len(images), -1))
        composed, alone = F.normalize(composed, dim=-1), F.normalize(alone, dim=-1)
        mined = alone[2 * count :].view(count, each, alone.shape[-1])
        return composed, alone[count : 2 * count], alone[:count], mined

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.precision)


@dataclass(frozen=True)
class MagicLensStep:
    learner: MagicLensLearner
    optimiser: torch.optim.Optimizer
    encoding: Encoding
    processes: Processes
    config: MagicLensConfig

    def __call__(self, step: int, batch: TripletBatch) -> torch.Tensor:
        """Learn from it; the loss of all processes' rows, without its graph."""
        config = self.config
        seed = int(step_random(config.seed, STAGE, step).integers(SEEDS))
        set_rates(self.optimiser, config.optimiser, step, config.steps)
        self.optimiser.zero_grad(set_to_none=True)
        labels = _on(self.processes.device, batch.labels)

        def loss_of(parts: Tensors) -> torch.Tensor:
            queries, targets, pictures, negatives = parts
            mined = negatives if negatives.shape[1] else None
            whole = whole_batch(
                Embeddings(queries, targets, pictures, mined), labels, self.processes
            )
            return contrastive_loss(*whole, self.learner.scale(), config.loss, seed)

        cache = GradientCache(self.learner.module, self.encoding, config.chunk)
        rows = (batch.queries, batch.targets, batch.tokens, batch.negatives)
        loss = cache.backward(rows, loss_of)
        parameters = self.learner.parameters()
        self.processes.average(parameters)
        if config.optimiser.gradient_limit is not None:
            torch.nn.utils.clip_grad_norm_(parameters, config.optimiser.gradient_limit)
        self.optimiser.step()
        self.learner.settle()
        return loss


def _on(device: torch.device, labels: Labels) -> Labels:
    def placed(part: torch.Tensor | None) -> torch.Tensor | None:
        return None if part is None else part.to(device)

    return Labels(
        labels.positives.to(device),
        labels.targets.to(device),
        placed(labels.pictures),
        placed(labels.negatives),
    )
