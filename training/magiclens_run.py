"""Train a MagicLens on triplet shards: in one process, or in several by torchrun.

Writes below the run's `out`, which all its processes see: `checkpoint.pt`, from which a killed run
goes on to the weights that it would have come to; `metrics.jsonl`; with a validation `best/`; and
at the end `model/`, a folder that `--model` takes. Several processes share each batch, and learn
what one would; the first alone writes and validates, which the others wait for. Raises InputError
for a batch that the processes cannot share evenly, and for a loss that is no number any more.

Source: Zhang et al., "MagicLens: Self-Supervised Image Retrieval with Open-Ended Instructions",
ICML 2024. The code published with it does not train.
"""

import math
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from models.device import DTYPES, Placement
from models.errors import InputError
from models.magiclens.encoder import FoldedTokenizer
from training.averages import WeightAverage
from training.contrastive import scale_of
from training.distributed import Processes, joined
from training.magiclens_config import MagicLensConfig, run_fingerprint
from training.magiclens_export import Trained, encoder_of, write_magiclens
from training.magiclens_start import Start, starting_point
from training.magiclens_step import STAGE, Encoding, MagicLensLearner, MagicLensStep
from training.metrics_log import MetricsLog
from training.optimisers import optimiser_of
from training.state import Checkpoints, Report
from training.triplet_batches import (
    Drawing,
    Preparing,
    TripletBatch,
    own_rows,
    together,
    triplet_batches,
)
from training.triplets.shard_reader import Order
from training.triplets.shards import TripletShards, open_shards
from training.validation import Candidate, Place, Validator

MODEL = "model"


@dataclass(frozen=True)
class Workplace:
    """Of one process: where it computes, with how many threads it decodes, whom it tells."""

    processes: Processes
    placement: Placement
    threads: int
    report: Report


@dataclass(frozen=True)
class MagicLensRun:
    config: MagicLensConfig
    place: Workplace
    start: Start
    step: MagicLensStep
    checkpoints: Checkpoints
    log: MetricsLog
    validator: Validator | None

    def resume(self) -> int:
        """How many steps are done, from the checkpoint where there is one."""
        done, saved = 0, self.checkpoints.load()
        if saved is not None:
            self.step.learner.load_state(saved["learner"])
            self.step.optimiser.load_state_dict(saved["optimiser"])
            done = int(saved["step"])
        self.place.processes.start_equal(self.step.learner.everything)
        return done

    def learn(self, batches: Iterator[TripletBatch], done: int) -> None:
        config = self.config
        if not done:
            self._validate(0)
        losses: list[torch.Tensor] = []
        since = time.monotonic()
        for step in range(done, config.steps):
            losses.append(self.step(step, next(batches)))
            if _is_due(step + 1, config.log.every, config.steps):
                self._note(step + 1, float(torch.stack(losses).mean()), since)
                losses = []
            self._validate(step + 1)
            if _is_due(step + 1, config.checkpoint_every, config.steps):
                self._save(step + 1)
            if not losses:
                since = time.monotonic()

    def trained(self, step: int) -> Trained:
        source = f"{self.config.name}, after {step} steps from {self.start.revision}"
        module = self.step.learner.exported
        return Trained(self.config.name, module, self.start.preprocessing, source)

    def _save(self, step: int) -> None:
        learner, optimiser = self.step.learner, self.step.optimiser
        processes = self.place.processes
        processes.by_first(lambda: self.checkpoints.save(STAGE, step, learner, optimiser))

    def _validate(self, step: int) -> None:
        how, validator = self.config.validation, self.validator
        if how is None or validator is None or not how.is_due(step, self.config.steps):
            return

        def validate() -> None:
            trained = self.trained(step)
            encoder = encoder_of(trained, self.place.placement)
            candidate = Candidate(step, encoder, lambda folder: write_magiclens(folder, trained))
            metrics = validator.validate(candidate)
            self.log.add(step, {f"validation/{name}": value for name, value in metrics.items()})

        self.place.processes.by_first(validate)

    def _note(self, step: int, loss: float, since: float) -> None:
        """The mean loss of the steps since then."""
        config = self.config
        if not math.isfinite(loss):
            raise InputError(
                f"{config.out}: the loss is {loss} by step {step}: try a lower learning rate, "
                "from the last checkpoint on or afresh"
            )
        if not self.place.processes.first:
            return
        every = (step - 1) % config.log.every + 1
        rate = every / (time.monotonic() - since)
        self.log.add(
            step,
            {
                "loss": loss,
                "temperature": 1 / float(self.step.learner.scale().detach()),
                "learning_rate": self.step.optimiser.param_groups[0]["lr"],
                "samples_per_s": rate * config.batch,
            },
        )
        left_min = (config.steps - step) / rate / 60
        self.place.report(
            f"{config.name} {step}/{config.steps}  loss {loss:.3f}  "
            f"{rate * config.batch:.1f} triplets/s  {left_min:.1f} min left"
        )


def train_magiclens(
    config: MagicLensConfig, placement: Placement, threads: int, report: Report
) -> Path:
    """Train, or go on training; returns the folder of the model."""
    with joined(os.environ, placement.device, config.timeout_s) as processes:
        rows = own_rows(config.batch, processes.rank, processes.count)
        said = report if processes.first else _unheard
        place = Workplace(processes, replace(placement, device=processes.device), threads, said)
        shards = together([open_shards(folder) for folder in config.shard_folders])
        run = _prepared(config, place, shards)
        done = run.resume()
        with ExitStack() as opened:
            if processes.first:
                opened.enter_context(run.log.open(done or None))
            batches = opened.enter_context(_batches(run, shards, rows, range(done, config.steps)))
            run.learn(batches, done)
        folder = config.out / MODEL
        processes.by_first(lambda: write_magiclens(folder, run.trained(config.steps)))
        return folder


def _unheard(line: str) -> None:
    """What all processes but the first report."""


def _is_due(step: int, every: int, steps: int) -> bool:
    return step % every == 0 or step == steps


def _prepared(config: MagicLensConfig, place: Workplace, shards: TripletShards) -> MagicLensRun:
    config.out.mkdir(parents=True, exist_ok=True)
    log = MetricsLog(config.out, config.log)
    start = starting_point(config, place.report)
    fingerprint = run_fingerprint(config, start.revision, shards.digest)
    validator = None
    if config.validation:
        where = Place(config.data, config.out, fingerprint, place.threads)
        validator = Validator(config.validation, where, place.report)
    checkpoints = Checkpoints(config.out, fingerprint)
    step = _step(config, start, place.processes)
    return MagicLensRun(config, place, start, step, checkpoints, log, validator)


def _step(config: MagicLensConfig, start: Start, processes: Processes) -> MagicLensStep:
    device, how = processes.device, config.optimiser
    module = start.module.to(device).train()
    average = WeightAverage(module, how.ema_decay) if how.ema_decay else None
    learner = MagicLensLearner(module, scale_of(config.loss).to(device), device, average)
    optimiser = optimiser_of(learner.named_parameters(), how)
    no_words = _tokenizer(start)([""]).to(device)
    encoding = Encoding(module, no_words, DTYPES[config.precision], device)
    return MagicLensStep(learner, optimiser, encoding, processes, config)


def _tokenizer(start: Start) -> FoldedTokenizer:
    sizes = start.module.sizes
    return FoldedTokenizer(sizes.vocabulary, sizes.context)


def _batches(
    run: MagicLensRun, shards: TripletShards, rows: slice, steps: range
) -> AbstractContextManager[Iterator[TripletBatch]]:
    config = run.config
    drawing = Drawing(
        order=Order(config.seed, config.buffer),
        batch=config.batch,
        rows=rows,
        preparing=Preparing(run.start.preprocessing, _tokenizer(run.start), config.negatives),
        threads=run.place.threads,
        ahead=config.ahead,
    )
    return triplet_batches(shards, drawing, steps)
