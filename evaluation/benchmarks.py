"""The benchmarks by name."""

from collections.abc import Callable
from pathlib import Path

from evaluation.benchmark import Benchmark
from evaluation.captions import captions_benchmark
from evaluation.scene_benchmark import scenes_benchmark
from models.errors import InputError

BENCHMARKS: dict[str, Callable[[Path, str | None], Benchmark]] = {
    "captions": captions_benchmark,
    "scenes": scenes_benchmark,
}


def open_benchmark(name: str, data: Path, split: str | None) -> Benchmark:
    """Raises InputError for an unknown name or split, and for data that is not whole."""
    if name not in BENCHMARKS:
        raise InputError(f"benchmark {name!r}: expected one of {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name](data, split)
