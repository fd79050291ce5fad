"""Progress on standard error: a bar for a person, lines of JSON for a program."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import typer
from tqdm import tqdm

if TYPE_CHECKING:
    from index.job import Progress
    from index.overview.making import Mapping, Told

EVERY_S = 1.0

JobListener = Callable[["Progress"], None]


class ProgressBar:
    """A progress bar on standard error, as a callback that takes how many are done."""

    def __init__(self, label: str, total: int | None) -> None:
        self.bar = tqdm(desc=label, total=total, unit="pic", leave=False, disable=None)

    def __enter__(self) -> Callable[[int], None]:
        return self.show

    def show(self, done: int) -> None:
        self.bar.update(done - self.bar.n)

    def __exit__(self, *_: object) -> None:
        self.bar.close()


class JobProgressBar(ProgressBar):
    """The same, for the indexing job's progress; the remaining time once all files were found."""

    def __init__(self, label: str = "indexing") -> None:
        super().__init__(label, None)

    def __enter__(self) -> JobListener:  # type: ignore[override]
        return self.show_job

    def show_job(self, progress: "Progress") -> None:
        self.bar.total = progress.found
        self.bar.set_postfix_str(f"{progress.failed} failed", refresh=False)
        self.show(progress.done)


class JobProgressLines:
    """A line of JSON a second, and one at the end: done, failed, found (null while the sources are
    being walked), embedded, seconds, per_second, remaining_s (null where found is)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._written = clock()
        self._last: Progress | None = None

    def __enter__(self) -> JobListener:
        return self.show_job

    def show_job(self, progress: "Progress") -> None:
        self._last = progress
        if self._clock() - self._written >= EVERY_S:
            self._write(progress)

    def __exit__(self, *_: object) -> None:
        if self._last is not None:
            self._write(self._last)

    def _write(self, progress: "Progress") -> None:
        self._written = self._clock()
        typer.echo(json.dumps(_fields(progress)), err=True)


class MapProgressBar:
    """A bar for each layout of the overview."""

    def __init__(self) -> None:
        self._bar: ProgressBar | None = None

    def __call__(self, mapping: "Mapping") -> None:
        if self._bar is None:
            self._bar = ProgressBar(f"map by {mapping.method}", mapping.items)
        self._bar.show(mapping.placed)
        if mapping.placed >= mapping.items:
            self._bar.bar.close()
            self._bar = None


class MapProgressLines:
    """A line of JSON a second, and one at either end: map, placed, items, seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._written = clock()

    def __call__(self, mapping: "Mapping") -> None:
        is_end = mapping.placed in (0, mapping.items)
        if is_end or self._clock() - self._written >= EVERY_S:
            self._written = self._clock()
            fields = {"map": mapping.method, "placed": mapping.placed, "items": mapping.items}
            typer.echo(json.dumps(fields | {"seconds": round(mapping.seconds, 1)}), err=True)


def map_progress(*, as_json: bool) -> "Told":
    return MapProgressLines() if as_json else MapProgressBar()


def job_progress(*, as_json: bool) -> AbstractContextManager[JobListener]:
    return JobProgressLines() if as_json else JobProgressBar()


def _fields(progress: "Progress") -> dict[str, float | None]:
    rate = progress.done / max(progress.seconds, 1e-9)
    found = progress.found
    return {
        "done": progress.done,
        "failed": progress.failed,
        "found": found,
        "embedded": progress.embedded,
        "seconds": round(progress.seconds, 1),
        "per_second": round(rate, 1),
        "remaining_s": None if found is None else round((found - progress.done) / rate, 1),
    }
