"""What a search costs: milliseconds, queries a second, and memory, its own apart from mapped files.

Memory is read from /proc/self/smaps_rollup, so on Linux alone.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

T = TypeVar("T")
R = TypeVar("R")

SECONDS = 20  # of searching, of which a search that takes long is judged
FEWEST = 20


@dataclass(frozen=True)
class Latency:
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Memory:
    anonymous_mb: float
    mapped_mb: float  # pages of files that are in memory


def memory() -> Memory:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    anonymous = kilobytes["Anonymous"]
    return Memory(anonymous / 1024, (kilobytes["Rss"] - anonymous) / 1024)


@contextmanager
def one_core() -> Iterator[None]:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def timed(search: Callable[[T], R], queries: Sequence[T]) -> tuple[list[R], Latency]:
    """One after the other; what each found, and how long it took."""
    found, seconds = [], []
    for query in queries:
        started = time.perf_counter()
        found.append(search(query))
        seconds.append(time.perf_counter() - started)
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
    return found, Latency(float(p50), float(p99))


def fitting(search: Callable[[T], R], queries: Sequence[T]) -> Sequence[T]:
    """The first of them, as many as are done in SECONDS, and FEWEST at least."""
    _, latency = timed(search, [queries[0]] * 3)  # of which the first brings pages from the disk
    return queries[: max(FEWEST, int(SECONDS * 1e3 / latency.p50_ms))]


def queries_a_second(search: Callable[[T], R], queries: Sequence[T], threads: int) -> float:
    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        for _ in pool.map(search, queries):
            pass
        return len(queries) / (time.perf_counter() - started)
