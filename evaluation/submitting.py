"""Rankings in the form that a benchmark's test server takes, as files.

One file is FILE itself; of several, each has its suffix before FILE's extension. A file is there
whole or not at all. Raises InputError for a benchmark without a form of its own, and for a place
that cannot be written to, before anything is ranked.
"""

import os
from pathlib import Path

from evaluation.benchmark import Benchmark, Rankings, Submittable
from models.errors import InputError
from models.files import write_whole


def submittable(benchmark: Benchmark) -> Submittable:
    if not isinstance(benchmark, Submittable):
        raise InputError(f"{benchmark.name}: has no format for rankings")
    return benchmark


def check_place(benchmark: Benchmark, file: Path) -> None:
    submittable(benchmark)
    if not file.name or file.is_dir():
        raise InputError(f"{file}: is a folder, expected a file to write the rankings to")
    if not file.parent.is_dir():
        raise InputError(f"{file}: cannot be written: {file.parent} is not there")
    if not os.access(file.parent, os.W_OK):
        raise InputError(f"{file}: cannot be written: no permission in {file.parent}")


def write_submission(benchmark: Benchmark, rankings: Rankings, file: Path) -> list[Path]:
    """The files that were written, or replaced."""
    written = []
    for suffix, text in submittable(benchmark).submission(rankings).items():
        path = file.with_name(f"{file.stem}{suffix}{file.suffix}")
        write_whole(path, text.encode())
        written.append(path)
    return written
