"""What Prometheus reads: counters, histograms and gauges of one app, in a registry of its own.

Labels are words of the code: a request is counted under its route's template, and all those that
met no route under one word, so that no caller can make series. Seconds and bytes, as Prometheus
has it. docs/observability.md lists the names. What can be asked for at any time (the collection's
generation, a device's memory, the process) is read when the metrics are.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from service.telemetry.measures import Stage

UNMATCHED = "unmatched"  # the route of what met none
OTHER = "other"  # a method that nothing takes
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUEST_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STAGE_SECONDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter("requests", "Answered requests.", "method", "route", "status")
        self.request_seconds = self._histogram(
            "request_seconds",
            "From a request's arrival to the end of its answer.",
            "method",
            "route",
            buckets=REQUEST_SECONDS,
        )
        self.in_progress = self._gauge("requests_in_progress", "Requests being answered.")
        self.stage_seconds = self._histogram(
            "stage_seconds",
            "Stages of answering: decode, queue, forward, search, fetch, serialise.",
            "stage",
            buckets=STAGE_SECONDS,
        )
        self.batch_size = self._histogram(
            "batch_size", "Requests that shared a run of the model.", "kind", buckets=BATCH_SIZES
        )
        self.queue_depth = self._gauge("queue_depth", "Waiting for their turn.", "kind")
        self.refused = self._counter("refused", "Refused because a queue was full.", "kind")
        self.dropped = self._counter("dropped", "Not begun: the caller had left.", "kind")
        self.worker_restarts = self._counter("worker_restarts", "Workers replaced.", "kind")
        self.cache_hits = self._counter("cache_hits", "Answered from a cache.", "kind")
        self.cache_misses = self._counter("cache_misses", "Not in the cache.", "kind")
        self.snapshots_open = self._gauge("snapshots_open", "Read transactions that are open.")
        for stage in Stage:
            self.stage_seconds.labels(stage.value)
        for read_from_the_system in (ProcessCollector, PlatformCollector, GCCollector):
            read_from_the_system(registry=self.registry)

    def add(self, collector: Collector) -> None:
        """One whose values are read when the metrics are."""
        self.registry.register(collector)

    def text(self, accept: str) -> tuple[bytes, str]:
        """All of them, and their media type: OpenMetrics where it is accepted."""
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"pictor_{name}", help_, labels, registry=self.registry)

    def _gauge(self, name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(f"pictor_{name}", help_, labels, registry=self.registry)

    def _histogram(
        self, name: str, help_: str, *labels: str, buckets: tuple[float, ...]
    ) -> Histogram:
        return Histogram(f"pictor_{name}", help_, labels, buckets=buckets, registry=self.registry)


def method_label(method: str) -> str:
    return method if method in METHODS else OTHER
