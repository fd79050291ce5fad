"""What is read when the metrics are, rather than counted: collection, model, device memory.

Never raises: a collection that cannot be read now is said to be so, and its other values are left
out.
"""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from index.served import Collection
from models.device_memory import device_memory
from models.errors import PictorError
from models.space import Space


class CollectionReadings(Collector):
    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def collect(self) -> Iterator[Metric]:
        """Past the queue of readers, so that overload does not hide it."""
        readable, read = 1, []
        try:
            with self._collection.snapshot() as snapshot:
                read.append(_gauge("collection_generation", "Published.", snapshot.generation))
                read.append(_gauge("collection_items", "That are searched.", snapshot.count))
        except PictorError:
            readable = 0
        yield _gauge("collection_readable", "1 when a snapshot opens, else 0.", readable)
        yield from read


class ModelReadings(Collector):
    def __init__(self, space: Space, device: str, version: str) -> None:
        self._labels = [space.model, space.revision, device, version]

    def collect(self) -> Iterator[Metric]:
        names = ["model", "revision", "device", "version"]
        info = GaugeMetricFamily("pictor_info", "What is served, always 1.", labels=names)
        info.add_metric(self._labels, 1)
        yield info
        memory = GaugeMetricFamily(
            "pictor_device_memory_bytes", "Of CUDA devices.", labels=["device", "state"]
        )
        for (device, state), size in device_memory().items():
            memory.add_metric([device, state], size)
        yield memory


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(f"pictor_{name}", help_, value=value)
