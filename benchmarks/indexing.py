"""How near the indexing job comes to what its model and its decoding cost by themselves.

    OMP_WAIT_POLICY=passive python -m benchmarks.indexing [--pictures 400] [--px 1600x1200]
        [--photographs FOLDER] [--model ViT-B-32] [--dtype float32] [--device cpu] [--threads 2]
        [--rounds 3]

In turn, `--rounds` times over, on the same cores: (a) the bare forward pass over ready tensors, at
the batch that is fastest; (b) reading, decoding and resizing in one process a core; the whole job
without thumbnails, and with them. The job is compared with 1 / (1/a + 1/b), where model and
decoders share the cores, and with min(a, b), where the model has a device of its own. Beside the
rates stands what a picture costs in core time, which others who use the machine disturb less.
Medians.

With OMP_WAIT_POLICY=passive, which has to be said before torch is loaded, a thread of the model
that waits for another one leaves its core to the decoders. The pictures are made
(benchmarks/photographs.py) unless a folder is named. A model without a `/` is an architecture that
open_clip lists, with random weights.
"""

import argparse
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch

from benchmarks.photographs import write_photographs
from index.job import JobOptions, build_collection
from index.jobs.embedding import FIRST_BATCH, LARGEST_BATCH
from index.sources import FolderSource, Root
from models.decode import decode
from models.device import (
    Placement,
    choose_placement,
    limit_torch_threads,
)
from models.load import STARTER, load_parts
from models.openclip_encoder import OpenClipEncoder
from models.preprocess import normalise

A_TRIAL_S = 2.0

Rate = float  # pictures a second


@dataclass(frozen=True)
class Measured:
    rate: Rate
    core_ms: float  # of all cores together, a picture

    def __str__(self) -> str:
        return f"{self.rate:.1f}/s, {self.core_ms:.1f} core-ms a picture"


@dataclass(frozen=True)
class Bench:
    module: Any
    encoder: OpenClipEncoder
    files: Sequence[Path]
    folder: Path  # of the files
    threads: int

    def forward(self, batch: int, seconds: float) -> Rate:
        side = self.encoder.preprocessing
        pixels = torch.randint(0, 256, (batch, side.height, side.width, 3), dtype=torch.uint8)
        placement = self.encoder.placement
        images = normalise(pixels.to(placement.device), side, placement.dtype)
        with torch.inference_mode():
            self._pass(images)
            began, count = time.perf_counter(), 0
            while count == 0 or time.perf_counter() - began < seconds:
                self._pass(images)
                count += batch
            return count / (time.perf_counter() - began)

    def _pass(self, images: torch.Tensor) -> None:
        """Waits for the device by asking for a number."""
        self.module.encode_image(images).sum().item()

    def decoding(self) -> Rate:
        context = multiprocessing.get_context("fork")
        shares = [self.files[each :: self.threads] for each in range(self.threads)]
        began = time.perf_counter()
        processes = [context.Process(target=self._decode, args=(share,)) for share in shares]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        return len(self.files) / (time.perf_counter() - began)

    def _decode(self, files: Sequence[Path]) -> None:
        for file in files:
            self.encoder.prepare(decode(file.read_bytes()))

    def job(self, *, thumbnails: bool) -> Rate:
        options = JobOptions(threads=self.threads, thumbnails=thumbnails)
        source = FolderSource(Root("photographs", self.folder))
        with tempfile.TemporaryDirectory() as out:
            began = time.perf_counter()
            build_collection(Path(out), [source], self.encoder, model="random", options=options)
            return len(self.files) / (time.perf_counter() - began)


def loaded(model: str, placement: Placement, place: Path) -> tuple[Any, OpenClipEncoder]:
    """The module as placed, and the encoder around it."""
    reference = model
    if "/" not in model and model != STARTER:
        torch.manual_seed(0)
        torch.save(open_clip.create_model(model).state_dict(), place / "random.pt")
        reference = f"{model}/{place / 'random.pt'}"
    name, parts = load_parts(reference, print)
    return parts.module, OpenClipEncoder(name, parts, placement)


def measure(bench: Bench, rounds: int) -> dict[str, Measured]:
    trials = {FIRST_BATCH: bench.forward(FIRST_BATCH, A_TRIAL_S)}
    while max(trials.values()) == trials[max(trials)] and max(trials) < LARGEST_BATCH:
        trials[2 * max(trials)] = bench.forward(2 * max(trials), A_TRIAL_S)
    batch = max(trials, key=lambda each: trials[each])
    print(f"forward by batch: {', '.join(f'{n}: {rate:.1f}' for n, rate in trials.items())}")
    passes_s = len(bench.files) / trials[batch]
    runs: dict[str, Callable[[], Rate]] = {
        f"(a) forward, batch {batch}": lambda: bench.forward(batch, passes_s),
        "(b) decode and resize": bench.decoding,
        "job, no thumbnails": lambda: bench.job(thumbnails=False),
        "job": lambda: bench.job(thumbnails=True),
    }
    found: dict[str, list[Measured]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            busy, began = cpu_s(), time.perf_counter()
            rate = run()
            pictures = rate * (time.perf_counter() - began)
            found[name].append(Measured(rate, 1000 * (cpu_s() - busy) / pictures))
            print(f"round {number + 1}: {name}: {found[name][-1]}", flush=True)
    return {name: median(each) for name, each in found.items()}


def cpu_s() -> float:
    """Of this process and of those that have ended."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def median(measured: Sequence[Measured]) -> Measured:
    return Measured(
        statistics.median(each.rate for each in measured),
        statistics.median(each.core_ms for each in measured),
    )


def report(measured: dict[str, Measured]) -> None:
    a, b, *jobs = measured.values()
    shared, apart = 1 / (1 / a.rate + 1 / b.rate), min(a.rate, b.rate)
    cost = a.core_ms + b.core_ms
    print(f"1/(1/a + 1/b) = {shared:.1f}/s, min(a, b) = {apart:.1f}/s, together {cost:.1f} ms")
    print("| | pictures/s | of 1/(1/a + 1/b) | of min(a, b) | core-ms a picture | a and b of it |")
    print("|---|---|---|---|---|---|")
    for name, each in measured.items():
        shares = [each.rate / shared, each.rate / apart, cost / each.core_ms]
        one, two, three = [f"{share:.3f}" if each in jobs else "" for share in shares]
        print(f"| {name} | {each.rate:.1f} | {one} | {two} | {each.core_ms:.1f} | {three} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--px", default="1600x1200")
    parser.add_argument("--photographs", type=Path, help="a folder of JPEGs to take instead")
    parser.add_argument("--model", default="ViT-B-32")
    parser.add_argument("--dtype", default=None)
    parser.add_argument("--device", default=None)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    limit_torch_threads(options.threads)
    with tempfile.TemporaryDirectory() as place:
        folder = options.photographs or Path(place) / "photographs"
        if options.photographs is None:
            width, height = map(int, options.px.split("x"))
            write_photographs(folder, range(options.pictures), (width, height), options.threads)
        files = sorted(folder.rglob("*.jpg"))
        kilobytes = statistics.fmean(file.stat().st_size for file in files) / 1000
        print(f"{len(files)} pictures of {kilobytes:.0f} kB")
        placement = choose_placement(options.device, options.dtype)
        module, encoder = loaded(options.model, placement, Path(place))
        print(f"{options.model} on {placement}, {options.threads} cores")
        report(measure(Bench(module, encoder, files, folder, options.threads), options.rounds))


if __name__ == "__main__":
    main()
