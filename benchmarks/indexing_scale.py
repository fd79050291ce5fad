"""What a large collection costs the indexing job, and a small change of it: seconds and memory.

    python -m benchmarks.indexing_scale [--pictures 10000 100000] [--px 64x64] [--threads 2]
        [--model colours] [--no-thumbnails]

For each number of pictures, in processes of their own: a first run, then one over the same folder
with one picture in a hundred changed. Own core time is that of the job's own process, which bounds
what a faster model and more decoders could reach. Memory is anonymous, a page that processes share
counted once, of the job and its decoders together, at its highest of samples twice a second. The
encoder `colours` costs nothing, so that what is measured is everything else; any other name is a
model.
"""

import argparse
import multiprocessing
import resource
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.photographs import A_FOLDER, Size, write_photographs
from index.job import JobOptions, build_collection
from index.sources import FolderSource, Root
from models.device import choose_placement, limit_torch_threads
from models.encoders import ImageEncoder
from models.load import load_encoder
from tests.fakes import ColourEncoder

SAMPLE_S = 0.5
CHANGED = 100  # of so many pictures one


@dataclass(frozen=True)
class Run:
    pictures: Path
    out: Path
    model: str
    options: JobOptions


@dataclass
class Peak:
    of_job_mb: float = 0.0
    of_all_mb: float = 0.0

    def sample(self) -> None:
        own, *decoders = (anonymous_mb(pid) for pid in _family())
        self.of_job_mb = max(self.of_job_mb, own)
        self.of_all_mb = max(self.of_all_mb, own + sum(decoders))


def _family() -> Iterator[str]:
    yield "self"
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has ended
            yield from (task / "children").read_text().split()


def anonymous_mb(pid: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0  # it has ended
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")) / 1024


@contextmanager
def watched() -> Iterator[Peak]:
    peak, done = Peak(), threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_S):
            peak.sample()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def encoder_of(model: str) -> ImageEncoder:
    if model == "colours":
        return ColourEncoder()
    return load_encoder(model, choose_placement(), print)


def index(run: Run) -> str:
    """A row of the table."""
    limit_torch_threads(run.options.threads)
    encoder = encoder_of(run.model)
    source = FolderSource(Root("pictures", run.pictures))
    busy = own_cpu_s()
    with watched() as peak:
        report = build_collection(run.out, [source], encoder, model=run.model, options=run.options)
    own_ms = 1000 * (own_cpu_s() - busy) / report.items
    return (
        f"| {report.items:,} | {report.embedded:,} | {report.seconds:.1f} | {own_ms:.2f} "
        f"| {peak.of_job_mb:.0f} | {peak.of_all_mb:.0f} |"
    )


def own_cpu_s() -> float:
    """Of this process, its decoders not among it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def in_its_own_process(run: Run) -> str:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(index, run).result()


def change(folder: Path, count: int, size: Size, processes: int) -> None:
    """One picture in CHANGED becomes one of its own, under its old name."""
    numbers = range(0, count, CHANGED)
    made = write_photographs(folder.parent / "new", [count + n for n in numbers], size, processes)
    for number, file in zip(numbers, made, strict=True):
        file.replace(folder / f"{number // A_FOLDER:04}" / f"{number:08}.jpg")


def measure(count: int, size: Size, model: str, options: JobOptions) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pictures"
        write_photographs(folder, range(count), size, options.threads)
        run = Run(folder, Path(place) / "collection", model, options)
        print(in_its_own_process(run), flush=True)
        change(folder, count, size, options.threads)
        print(in_its_own_process(run), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--px", default="64x64")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default="colours")
    parser.add_argument("--no-thumbnails", action="store_true")
    options = parser.parse_args()
    width, height = map(int, options.px.split("x"))
    job = JobOptions(threads=options.threads, thumbnails=not options.no_thumbnails)
    print("| pictures | embedded | seconds | own core-ms a file | job, MB | with decoders, MB |")
    print("|---|---|---|---|---|---|")
    for count in options.pictures:
        measure(count, (width, height), options.model, job)


if __name__ == "__main__":
    main()
