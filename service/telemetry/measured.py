"""What the parts tell of their work, handed on to whoever asked: metrics, the request, its trace.

`traces_of(settings)` is None unless traces are on, and then nothing of OpenTelemetry is imported.
Raises InputError naming the extra to install where it is missing.
"""

import importlib
from typing import Any, Protocol

from models.errors import InputError
from service.settings import Settings
from service.telemetry.current import current
from service.telemetry.measures import Stage
from service.telemetry.metrics import Metrics


class Traces(Protocol):
    """Implemented by service.tracing."""

    @property
    def telemetry(self) -> dict[str, Any]: ...

    def add_stage(self, stage: Stage, seconds: float) -> None: ...

    def current_id(self) -> str | None: ...

    def stop(self) -> None: ...


def traces_of(settings: Settings) -> Traces | None:
    if not settings.traces:
        return None
    try:
        tracing = importlib.import_module("service.telemetry.tracing")
    except ImportError as error:
        raise InputError(
            "traces need OpenTelemetry: install Pictor with its extra, pip install '.[otel]'"
        ) from error
    traces: Traces = tracing.traces_from_environment()
    return traces


class Measured:
    """`Measures` of a running server; without traces nothing of OpenTelemetry is touched."""

    def __init__(self, metrics: Metrics, traces: Traces | None = None) -> None:
        self.metrics = metrics
        self.traces = traces

    def observe_stage(self, stage: Stage, seconds: float) -> None:
        self.metrics.stage_seconds.labels(stage.value).observe(seconds)
        request = current()
        if request is None:
            return
        request.add(stage, seconds)
        if self.traces is not None:
            self.traces.add_stage(stage, seconds)

    def observe_batch(self, kind: str, size: int) -> None:
        self.metrics.batch_size.labels(kind).observe(size)

    def set_queue(self, kind: str, depth: int) -> None:
        self.metrics.queue_depth.labels(kind).set(depth)

    def cache_hit(self, kind: str) -> None:
        self.metrics.cache_hits.labels(kind).inc()

    def cache_miss(self, kind: str) -> None:
        self.metrics.cache_misses.labels(kind).inc()

    def refused(self, kind: str) -> None:
        self.metrics.refused.labels(kind).inc()

    def dropped(self, kind: str, count: int = 1) -> None:
        self.metrics.dropped.labels(kind).inc(count)

    def worker_restarted(self, kind: str) -> None:
        self.metrics.worker_restarts.labels(kind).inc()

    def snapshot_opened(self) -> None:
        self.metrics.snapshots_open.inc()

    def snapshot_closed(self) -> None:
        self.metrics.snapshots_open.dec()
