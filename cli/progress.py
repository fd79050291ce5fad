"""Progress bars on standard error."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from index.job import Progress


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
    """The same, for the indexing job's progress."""

    def __init__(self, label: str = "indexing") -> None:
        super().__init__(label, None)

    def __enter__(self) -> "Callable[[Progress], None]":  # type: ignore[override]
        return self.show_job

    def show_job(self, progress: "Progress") -> None:
        self.bar.total = progress.found
        self.bar.set_postfix_str(f"{progress.failed} failed", refresh=False)
        self.show(progress.done)
