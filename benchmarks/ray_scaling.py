"""How the indexing job scales over Ray workers, beside this machine's own engine.

    python -m benchmarks.ray_scaling [--pictures 400] [--px 1600x1200] [--model starter]
        [--nodes 1 2] [--rounds 2]

In turn, `--rounds` times over: the job with the local engine on one core and on as many as the
largest cluster has, then on clusters of so many Ray nodes with a core each, which this machine
plays all of. A node's workers are bound to a core of their own, so that one node can have no more
than one. The head, which is the job's own process, has no workers and is not bound: its work is
part of the price.

The rate is that of the last four fifths of the pictures, when everything runs; `start` is what went
before the first one was done. `driver` is what the job's own process takes of a core for a picture
meanwhile, here with the model and without the decoders: on Ray it bounds what one job can feed.
Medians.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.photographs import write_photographs
from cli.engines import DistantModel
from index.engines.ray import RayEngine
from index.job import JobOptions, Progress, build_collection
from index.jobs.engine import Engine
from index.sources import FolderSource, Root
from models.device import choose_placement, limit_torch_threads
from models.load import Encoder, load_encoder

STORE_BYTES = 300 * 1024 * 1024
BATCH = 8  # so that workers are given few pictures at once, and there are many such steps
A_MOMENT_S = 0.3


@dataclass(frozen=True)
class Measured:
    rate: float  # pictures a second
    start_s: float
    driver_ms: float  # a picture


@dataclass(frozen=True)
class Bench:
    folder: Path
    pictures: int
    model: str
    encoder: Encoder

    def local(self, cores: int) -> Measured:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, sorted(before)[:cores])
        limit_torch_threads(cores)
        try:
            return self._run(JobOptions(threads=cores, batch_size=BATCH), None)
        finally:
            os.sched_setaffinity(0, before)

    def ray(self, nodes: int) -> Measured:
        with cluster(nodes) as address:
            options = JobOptions(threads=1, batch_size=BATCH)
            model = DistantModel(self.model, None)
            encoder = self.encoder
            engine = RayEngine(model, encoder.eye, encoder.spaces, options, address, "cpu")
            return self._run(options, engine)

    def _run(self, options: JobOptions, engine: Engine | None) -> Measured:
        source = FolderSource(Root("photographs", self.folder))
        seen: list[tuple[float, float]] = []  # the time and the core time, as each was done

        def note(progress: Progress) -> None:
            seen.append((time.perf_counter(), time.process_time()))

        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as out:
            build_collection(
                Path(out),
                [source],
                self.encoder,
                model=self.model,
                options=options,
                progress=note,
                engine=engine,
            )
            self._weigh(Path(out))
        (at, busy), (until, busy_until) = seen[self.pictures // 5], seen[-1]
        # a batch is done at once, and those with that picture are no part of what came after
        later = sum(moment > at + A_MOMENT_S for moment, _ in seen)
        driver_ms = 1000 * (busy_until - busy) / later
        return Measured(later / (until - at), seen[0][0] - began, driver_ms)

    def _weigh(self, out: Path) -> None:
        for kind in ("segments", "indexes", "thumbnails", "catalogue.sqlite"):
            files = [out / kind, *(out / kind).rglob("*")]
            total = sum(file.stat().st_size for file in files if file.is_file())
            print(f"{kind}: {total / self.pictures:.0f} bytes a picture", end=", ")
        print()


@contextmanager
def cluster(nodes: int) -> Iterator[str]:
    """The address of a Ray of so many nodes with a core each, bound to it, and a head without."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - after its settings

    settings: dict[str, Any] = {
        "node_ip_address": "127.0.0.1",
        "object_store_memory": STORE_BYTES,
        "include_dashboard": False,
    }
    ours = os.sched_getaffinity(0)
    started: Any = Cluster()
    try:
        started.add_node(num_cpus=0, **settings)
        for core in sorted(ours)[:nodes]:
            os.sched_setaffinity(0, {core})  # which the node's processes inherit
            started.add_node(num_cpus=1, **settings)
        os.sched_setaffinity(0, ours)
        yield str(started.address)
    finally:
        os.sched_setaffinity(0, ours)
        started.shutdown()


def measure(bench: Bench, nodes: Sequence[int], rounds: int) -> dict[str, Measured]:
    runs: dict[str, Callable[[], Measured]] = {
        f"this machine, {cores} cores": partial(bench.local, cores)
        for cores in dict.fromkeys([1, max(nodes)])
    }
    runs |= {f"Ray, {each} nodes": partial(bench.ray, each) for each in nodes}
    found: dict[str, list[Measured]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
            print(f"round {number + 1}: {name}: {found[name][-1]}", flush=True)
    return {name: median(each) for name, each in found.items()}


def median(measured: Sequence[Measured]) -> Measured:
    return Measured(
        statistics.median(each.rate for each in measured),
        statistics.median(each.start_s for each in measured),
        statistics.median(each.driver_ms for each in measured),
    )


def report_of(measured: dict[str, Measured]) -> None:
    alone = next(iter(measured.values()))
    print("| | pictures/s | times one core here | start, s | driver, ms of a core a picture |")
    print("|---|---|---|---|---|")
    for name, each in measured.items():
        times = each.rate / alone.rate
        print(
            f"| {name} | {each.rate:.1f} | {times:.2f} | {each.start_s:.1f} "
            f"| {each.driver_ms:.1f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--px", default="1600x1200")
    parser.add_argument("--model", default="starter")
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # as this process, which they are beside
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # or it is not on loopback
    with tempfile.TemporaryDirectory() as place:
        width, height = map(int, options.px.split("x"))
        write_photographs(Path(place), range(options.pictures), (width, height), 2)
        print(f"{options.px} px, {options.model} on the CPU")
        encoder = load_encoder(options.model, choose_placement("cpu"), print)
        bench = Bench(Path(place), options.pictures, options.model, encoder)
        report_of(measure(bench, options.nodes, options.rounds))


if __name__ == "__main__":
    main()
