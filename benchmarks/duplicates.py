"""How long the search for near-duplicates takes, and in how much memory.

    python -m benchmarks.duplicates [--pictures 100000] [--dimension 512] [--above 0.95]
        [--threads 2] [--plain]

Vectors stand for pictures and crowd as benchmarks/synthetic.py says; of a hundred, one is moved
from another by MOVED of its length, and one is another's equal. They lie in segments on disk, as a
collection's do. `--plain` also compares all pairs by float32 products of blocks, which rule nothing
out.

Set OPENBLAS_NUM_THREADS=1, as the command does for itself.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Never

import numpy as np
from tqdm import tqdm

from benchmarks.synthetic import Clustered
from index.alike.disjoint_sets import Members
from index.alike.duplicates import StoredVectors, near_groups
from index.segments import ROWS, Units, open_segment, write_segment
from models.vectors import Embeddings
from tests.index.galleries import segment, space

COPIES = 100  # of so many rows one is nearly, and one wholly, another
MOVED = 0.2
BLOCK = 2048


class MappedVectors(StoredVectors):
    """As a collection's, without the rest of it."""

    def __init__(self, folder: Path, pictures: int, dimension: int) -> None:
        self.space = space(dimension)
        self.rows = np.arange(pictures, dtype=np.int64)
        self.held, first = [], 0
        for rows in map(with_copies, Clustered(pictures, dimension).blocks()):
            ids = [f"{number:032x}" for number in range(first, first + len(rows))]
            record = write_segment(folder, segment(rows, ids))
            opened = open_segment(folder / record.name, record.rows, [dimension])
            self.held.append(opened.vectors[0].units)
            first += len(rows)

    def stored(self, positions: Members) -> Units:
        gathered = np.empty((len(positions), self.space.dimension), dtype=np.float16)
        segments = positions // ROWS
        for number in np.unique(segments):
            mine = segments == number
            gathered[mine] = self.held[number][positions[mine] % ROWS]
        return gathered


def with_copies(units: Units) -> Embeddings:
    rows = units.astype(np.float32)
    noise = np.random.default_rng(len(rows)).standard_normal(rows.shape, dtype=np.float32)
    moved = rows + np.float32(MOVED / np.sqrt(rows.shape[1])) * noise
    rows[1::COPIES] = moved[::COPIES][: len(rows[1::COPIES])]
    rows[2::COPIES] = rows[::COPIES][: len(rows[2::COPIES])]
    return rows


@contextmanager
def peak_anonymous() -> Iterator[Callable[[], float]]:
    """MiB that were not mapped from a file, at their most, beyond those at the start."""
    start, most, ended = anonymous(), [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            most[0] = max(most[0], anonymous() - start)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: most[0]
    finally:
        ended.set()
        watcher.join()


def anonymous() -> float:
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) / 1024


def plain_pairs(vectors: StoredVectors, above: float, threads: int) -> int:
    """How many pairs a float32 product over blocks finds."""
    count = len(vectors.rows)
    units = np.concatenate(
        [
            vectors.units(np.arange(first, min(first + BLOCK, count))).astype(np.float32)
            for first in range(0, count, BLOCK)
        ]
    )

    def compared(first: int) -> int:
        mine, found = units[first : first + BLOCK], 0
        for other in range(first, count, BLOCK):
            near = mine @ units[other : other + BLOCK].T >= np.float32(above)
            found += int(np.count_nonzero(np.triu(near, 1) if other == first else near))
        return found

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(compared, range(0, count, BLOCK)))


def _show(bar: "tqdm[Never]", compared: int) -> None:
    bar.update(compared - bar.n)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--above", type=float, default=0.95)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        vectors = MappedVectors(Path(folder), options.pictures, options.dimension)
        with peak_anonymous() as peak, tqdm(total=options.pictures, disable=None) as bar:
            started, worked = time.monotonic(), time.process_time()
            groups = near_groups(
                vectors,
                above=options.above,
                threads=options.threads,
                progress=lambda compared: _show(bar, compared),
            )
            seconds, processor = time.monotonic() - started, time.process_time() - worked
        print(
            f"{options.pictures} x {options.dimension} above {options.above}: {seconds:.1f} s "
            f"({processor:.1f} s of processor, {options.threads} threads), {peak():.0f} MiB "
            f"anonymous at most; {len(groups)} groups of {sum(map(len, groups))} pictures"
        )
        if options.plain:
            started, worked = time.monotonic(), time.process_time()
            pairs = plain_pairs(vectors, options.above, options.threads)
            seconds, processor = time.monotonic() - started, time.process_time() - worked
            print(f"plain: {seconds:.1f} s ({processor:.1f} s of processor), {pairs} pairs")


if __name__ == "__main__":
    main()
