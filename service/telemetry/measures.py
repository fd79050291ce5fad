"""What the parts of a running server tell of their work: the one seam to metrics, traces and logs.

`Measures` is given to whoever works; `Unmeasured` takes everything and keeps nothing. All methods
are quick, never raise, and may be called from any thread. Seconds are of `time.perf_counter`.

A stage belongs to the request in whose context it is observed: call `observe_stage` from the
request's own task, or from a thread that runs in a copy of that task's context
(`contextvars.copy_context().run`). Observed anywhere else it counts in the metrics, and in no
request's log line or trace. What is shared by several requests (a forward pass) is observed by each
of them, in full: it is how long that request waited for it.

`kind` names a queue, a batch or a cache: a word of the code ("texts", "pictures", ...), never of a
request.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from time import perf_counter
from typing import Protocol


class Stage(StrEnum):
    DECODE = "decode"  # a picture file to pixels, or a text to tokens
    QUEUE = "queue"  # waiting for a turn of the model
    FORWARD = "forward"  # the model's forward pass that the request was in
    SEARCH = "search"  # ranking vectors or words
    FETCH = "fetch"  # items, originals, thumbnails from the collection
    SERIALISE = "serialise"  # an answer to JSON


class Measures(Protocol):
    def observe_stage(self, stage: Stage, seconds: float) -> None:
        """A stage that has ended just now."""

    def observe_batch(self, kind: str, size: int) -> None:
        """A batch that is about to run."""

    def set_queue(self, kind: str, depth: int) -> None:
        """How many wait now."""

    def cache_hit(self, kind: str) -> None: ...

    def cache_miss(self, kind: str) -> None: ...

    def refused(self, kind: str) -> None:
        """A request that found its queue full."""

    def dropped(self, kind: str, count: int = 1) -> None:
        """Work whose caller left before it began."""

    def worker_restarted(self, kind: str) -> None: ...

    def snapshot_opened(self) -> None: ...

    def snapshot_closed(self) -> None: ...


class Unmeasured:
    """Keeps nothing."""

    def observe_stage(self, stage: Stage, seconds: float) -> None:
        pass

    def observe_batch(self, kind: str, size: int) -> None:
        pass

    def set_queue(self, kind: str, depth: int) -> None:
        pass

    def cache_hit(self, kind: str) -> None:
        pass

    def cache_miss(self, kind: str) -> None:
        pass

    def refused(self, kind: str) -> None:
        pass

    def dropped(self, kind: str, count: int = 1) -> None:
        pass

    def worker_restarted(self, kind: str) -> None:
        pass

    def snapshot_opened(self) -> None:
        pass

    def snapshot_closed(self) -> None:
        pass


@contextmanager
def timed(measures: Measures, stage: Stage) -> Iterator[None]:
    """Observes the block as the stage, whether it succeeds or not."""
    started = perf_counter()
    try:
        yield
    finally:
        measures.observe_stage(stage, perf_counter() - started)
