"""How fast pictures join a collection that is open, and what they cost its searches until a job.

    python -m benchmarks.living [--rows 20000] [--dimension 512] [--folder /tmp]

Additions are of vectors, bytes and thumbnails that are there already: what is measured is the
durable transaction (files and catalogue flushed to the disk), and then how long a search of ten,
and the first snapshot after a change, take over so many of them. Every addition is durable when it
counts.
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from index.changes.adding import Addition, LiveChanges
from index.collection import Collection, Snapshot
from index.folder import CollectionFolder
from index.items import Item, item_id
from index.job import JobOptions, build_collection
from index.search import search
from models.query import Query, single
from models.space import Space
from models.vectors import Embeddings
from tests.fakes import ColourEncoder

BATCHES = (1, 16, 64)
SIZES = (1_000, 5_000, 20_000, 50_000)
PICTURE_BYTES = 50_000
THUMBNAIL_BYTES = 8_000
SEARCHES = 50
LONG_ENOUGH_S = 10


class Silent(ColourEncoder):
    """An encoder that is asked for nothing but its space."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.space = Space("benchmark", "0" * 16, dimension)
        self.spaces = (self.space,)


def additions(space: Space, first: int, count: int) -> list[Addition]:
    generator = np.random.default_rng(first)
    vectors: Embeddings = generator.standard_normal((count, space.dimension), dtype=np.float32)
    return [_addition(space, number, vector) for number, vector in enumerate(vectors, start=first)]


def _addition(space: Space, number: int, vector: np.ndarray) -> Addition:
    data = hashlib.shake_128(number.to_bytes(8)).digest(PICTURE_BYTES)
    item = Item(item_id(data), len(data), 640, 480, "JPEG")
    metadata = {"number": number, "tags": ["a", "b"]}
    embeddings = {space: vector}
    name, caption = f"album/{number}.jpg", f"picture number {number}"
    return Addition(data, item, embeddings, data[:THUMBNAIL_BYTES], name, caption, metadata)


def timed_add(live: LiveChanges, made: list[Addition]) -> float:
    started = time.perf_counter()
    live.add(made)
    return time.perf_counter() - started


def timed_search(snapshot: Snapshot, query: Query) -> float:
    started = time.perf_counter()
    search(snapshot, query)
    return time.perf_counter() - started


def timed_snapshot(collection: Collection) -> float:
    started = time.perf_counter()
    with collection.snapshot():
        return time.perf_counter() - started


def measure_adding(live: LiveChanges, space: Space) -> None:
    first = 0
    for batch in BATCHES:
        took = list[float]()
        while sum(took) < LONG_ENOUGH_S:
            took.append(timed_add(live, additions(space, first, batch)))
            first += batch
        print(
            f"{batch:3} a transaction: {batch * len(took) / sum(took):7.0f} pictures/s, "
            f"p50 {1000 * statistics.median(took):.1f} ms a transaction"
        )


def measure_searching(live: LiveChanges, collection: Collection, space: Space, rows: int) -> None:
    first = 10_000_000
    generator = np.random.default_rng(5)
    for size in (size for size in SIZES if size <= rows):
        while (missing := size - live.delta_rows()) > 0:
            live.add(additions(space, first, min(500, missing)))
            first += 500
        timed_snapshot(collection)
        live.add(additions(space, first, 1))
        first += 500
        fresh, took = timed_snapshot(collection), list[float]()
        for _ in range(SEARCHES):
            asked = generator.standard_normal(space.dimension, dtype=np.float32)
            with collection.snapshot() as snapshot:
                took.append(timed_search(snapshot, single(space, asked)))
        print(
            f"{size:6} added since the last job: search p50 {1000 * statistics.median(took):.2f} "
            f"ms; first snapshot after a change {1000 * fresh:.1f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    encoder = Silent(given.dimension)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        out = Path(folder, "collection")
        build_collection(out, [], encoder, model="none", options=JobOptions(threads=2))
        live, collection = LiveChanges(CollectionFolder(out)), Collection.open(out)
        measure_adding(live, encoder.space)
        measure_searching(live, collection, encoder.space, given.rows)
        collection.close()
        started = time.perf_counter()
        build_collection(out, [], encoder, model="none", options=JobOptions(threads=2))
        print(f"a job that makes segments of them: {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
