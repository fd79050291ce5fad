"""The benchmarks by name."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from evaluation.benchmark import Benchmark
from evaluation.benchmarks.captions import captions_benchmark
from evaluation.benchmarks.circo import circo_benchmark
from evaluation.benchmarks.cirr import cirr_benchmark
from evaluation.benchmarks.classes import classes_benchmark
from evaluation.benchmarks.domains import domains_benchmark
from evaluation.benchmarks.dtin import dtin_benchmark
from evaluation.benchmarks.fashioniq import fashioniq_benchmark
from evaluation.benchmarks.genecis import genecis_benchmark
from evaluation.benchmarks.icir import icir_benchmark
from evaluation.benchmarks.landmarks import landmarks_benchmark
from evaluation.benchmarks.scenes import scenes_benchmark
from models.errors import InputError

Opener = Callable[..., Benchmark]

# each takes the data's folder, the split, and its own options as keywords
BENCHMARKS: dict[str, Opener] = {
    "captions": captions_benchmark,
    "circo": circo_benchmark,
    "cirr": cirr_benchmark,
    "fashioniq": fashioniq_benchmark,
    "genecis": genecis_benchmark,
    "dtin": dtin_benchmark,
    "icir": icir_benchmark,
    "domains": domains_benchmark,
    "classes": classes_benchmark,
    "landmarks": landmarks_benchmark,
    "scenes": scenes_benchmark,
}

# the values that a benchmark's options may have, the first unless another is named; none: any text
OPTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "circo": {"wording": ("magiclens", "caption")},
    "domains": {"task": ("all", "images", "conversion")},
    "scenes": {"combinations": ()},
    "fashioniq": {"gallery": ("split", "union"), "captions": ("joined", "averaged")},
}


def descriptions() -> list[tuple[str, str]]:
    """Each benchmark's name, and a line about it with its options."""
    about = [(name, _described(name)) for name in BENCHMARKS]
    return [*about, ("collection", "How well a collection of your own is searched.")]


def _described(name: str) -> str:
    text = sys.modules[BENCHMARKS[name].__module__].__doc__ or ""
    line = " ".join(text.split("\n\n", maxsplit=1)[0].split())
    options = [
        f"{option}={'|'.join(values) or '...'}" for option, values in OPTIONS.get(name, {}).items()
    ]
    return f"{line} (--option {', '.join(options)})" if options else line


def open_benchmark(
    name: str, data: Path, split: str | None, options: Mapping[str, str] | None = None
) -> Benchmark:
    """Raises InputError for an unknown name, split or option, and for data that is not whole."""
    if name not in BENCHMARKS:
        known_names = [known for known, _ in descriptions()]
        raise InputError(f"benchmark {name!r}: expected one of {', '.join(known_names)}")
    known = OPTIONS.get(name, {})
    for option, value in (options or {}).items():
        if option not in known:
            raise InputError(
                f"--option {option}: the {name} benchmark has {', '.join(known) or 'none'}"
            )
        if known[option] and value not in known[option]:
            raise InputError(f"--option {option}={value}: expected {', '.join(known[option])}")
    return BENCHMARKS[name](data, split, **(options or {}))
