"""A job in a process of its own, watched from within, that may be killed at any of its steps.

A step is a call, of Python's or of C's, that a file of index/ makes: between any two of them, two
statements of one transaction included, there is a place to die.
"""

import contextlib
import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from index.job import JobOptions, build_collection
from models.encoders import ImageEncoder
from models.errors import PictorError
from tests.fakes import ColourEncoder
from tests.index.album import source

ROOM = str(Path(__file__).parents[2] / "index")
# the functions with which a phase begins, in their order
PHASES = {"run": "scan", "stage_vectors": "stage", "publish": "publish", "_tidy": "tidy"}


@dataclass
class Steps:
    """Counts a job's steps by phase, and kills its process at one of them."""

    fatal: tuple[str, int] | None = None  # a phase, and a step of it
    phase: str = "begin"
    counts: Counter[str] = field(default_factory=Counter)

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:  # noqa: ANN401
        if event not in ("call", "c_call") or not frame.f_code.co_filename.startswith(ROOM):
            return
        if event == "call":
            self.phase = PHASES.get(frame.f_code.co_name, self.phase)
        self.counts[self.phase] += 1
        if self.fatal == (self.phase, self.counts[self.phase]):
            os.kill(os.getpid(), signal.SIGKILL)


def run_job(out: Path, photos: Path, encoder: ImageEncoder | None = None) -> None:
    options = JobOptions(threads=2, batch_size=3, checkpoint_rows=4)
    build_collection(
        out, [source(photos)], encoder or ColourEncoder(), model="colours", options=options
    )


def run_watched(out: Path, photos: Path, steps: Steps) -> int:
    """The exit status of a process that runs the job; it writes its counts beside `out`."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    code = 1
    with contextlib.suppress(PictorError):
        threading.setprofile(steps)
        sys.setprofile(steps)
        run_job(out, photos)
        sys.setprofile(None)
        out.with_suffix(".steps").write_text(json.dumps(steps.counts))
        code = 0
    os._exit(code)


def points(counts: dict[str, int], wanted: dict[str, int]) -> Iterator[tuple[str, int]]:
    """So many steps of each phase, spread over it, its first and last among them."""
    for phase, number in wanted.items():
        last = counts[phase]
        for point in range(number):
            yield phase, 1 + round(point * (last - 1) / max(1, number - 1))


def main() -> None:
    """One process that has imported everything forks a job for each line of standard input."""
    for line in sys.stdin:
        asked = json.loads(line)
        fatal = (asked["phase"], asked["step"]) if asked["phase"] else None
        code = run_watched(Path(asked["out"]), Path(asked["photos"]), Steps(fatal))
        print(code, flush=True)


if __name__ == "__main__":
    main()
