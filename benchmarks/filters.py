"""How long filters and words take: which of a million items may be hits, and a search among few.

    python -m benchmarks.filters [--items 1000000] [--dimension 512] [--at FOLDER]

The catalogue is synthetic, without pictures: dates over ten years, places, cameras, three sources,
captions of Zipf's words, and three facts of metadata. Each row is one field and one share of the
items that satisfy it, asked between bounds that are never the same twice. Printed in milliseconds:
the first filter of a generation (`first`, with the making of the field's column where the share is
large), the median and the 99th percentile of those after it, and of a search among the matching
vectors with its ten items (`answered`), where these are few. --at keeps the catalogue for the next
run.
"""

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from index.catalogue import SqliteCatalogue, connect
from index.faiss import NO_EFFORT, Nearest
from index.filtering.filters import Filter, parse
from index.filtering.matching import Few
from index.folder import CollectionFolder
from index.gallery import Gallery, Held
from index.migrations import migrate
from index.search import search
from index.searching.hybrid import Extent, search_words
from index.segments import ROWS, Segment, Vectors
from index.snapshot import Snapshot
from index.vectors.effort import Effort
from index.vectors.neighbours import Mask, TunedIndex
from models.query import single
from models.space import Space
from models.vectors import Embeddings, Vector

START = np.datetime64("2014-01-01T00:00:00")
SECONDS = 10 * 365 * 86_400
SHARES = (0.5, 0.01, 0.0001)
REPEATS = 50
VOCABULARY = 30_000
CAPTION_WORDS = 10
CACHE_KIB = 500_000


class Unasked:
    """Stands for an index of this many rows, where none is searched."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    @property
    def takes_selector(self) -> bool:
        raise NotImplementedError

    def search(
        self,
        vectors: Embeddings,
        k: int,
        *,
        effort: Effort = NO_EFFORT,
        among: Mask | None = None,
    ) -> Sequence[Nearest]:
        raise NotImplementedError


def item_rows(count: int) -> Iterator[tuple[Any, ...]]:
    generator = np.random.default_rng(0)
    ids = generator.bytes(16 * count).hex()
    taken_at = (START + generator.integers(0, SECONDS, count)).astype(str).tolist()
    places = (generator.random((count, 2)) * [180, 360] - [90, 180]).round(6).tolist()
    cameras = np.minimum(generator.zipf(1.5, count), 50).tolist()
    widths = generator.choice([640, 1024, 4032, 6000], count).tolist()
    sizes = generator.integers(10_000, 9_000_000, count).tolist()
    for number in range(count):
        yield (
            ids[32 * number : 32 * number + 32],
            sizes[number],
            widths[number],
            widths[number] * 3 // 4,
            "JPEG",
            taken_at[number],
            *places[number],
            f"Camera {cameras[number]}",
        )


def occurrence_rows(count: int) -> Iterator[tuple[Any, ...]]:
    generator = np.random.default_rng(1)
    aesthetics = generator.random(count).round(6).tolist()
    people = generator.integers(0, 10_000, count).tolist()
    words = np.minimum(generator.zipf(1.2, (count, CAPTION_WORDS)), VOCABULARY).tolist()
    for number, (id_, *_, taken_at, _, _, _) in enumerate(item_rows(count)):
        path = f"{taken_at[:4]}/{taken_at[5:7]}/IMG_{number:07}.jpg"
        metadata = {"aesthetic": aesthetics[number], "by": f"person {people[number]}", "n": number}
        caption = " ".join(f"word{word}" for word in words[number])
        yield f"source {number % 3}", path, id_, caption, json.dumps(metadata)


def fill(file: Path, count: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("BEGIN")
        migrate(connection)
        connection.executemany(
            "INSERT INTO items (id, bytes, width, height, format, taken_at, latitude, longitude, "
            "camera) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            item_rows(count),
        )
        connection.executemany(
            "INSERT INTO occurrences (source, path, item_id, caption, metadata) "
            "VALUES (?, ?, ?, ?, ?)",
            occurrence_rows(count),
        )
        connection.execute("COMMIT")


def segments_of(catalogue: SqliteCatalogue, dimension: int) -> list[Segment]:
    generator = np.random.default_rng(2)
    data = bytes.fromhex("".join(catalogue.item_ids()))
    ids = generator.permutation(np.frombuffer(data, dtype=np.uint8).reshape(-1, 16))
    segments = []
    for first in range(0, len(ids), ROWS):
        mine = ids[first : first + ROWS]
        vectors = generator.standard_normal((len(mine), dimension), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        norms = np.ones(len(mine), dtype=np.float32)
        segments.append(Segment(mine, (Vectors(vectors.astype(np.float16), norms),)))
    return segments


class Between:
    """Filters on one field that a share of the items satisfies, no two the same."""

    def __init__(self, catalogue: SqliteCatalogue, field: str, statement: str) -> None:
        self.field = field
        self._values = [value for (value,) in catalogue.rows(statement)]
        self._generator = np.random.default_rng(3)

    def filter(self, share: float) -> Filter:
        width = int(share * len(self._values))
        first = int(self._generator.integers(0, len(self._values) - width))
        low, high = self._values[first], self._values[first + width]
        return parse({"field": self.field, "gte": low, "lt": high})


def milliseconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)


def answer(snapshot: Snapshot, where: Filter, vector: Vector) -> None:
    hits = search(snapshot, single(snapshot.spaces[0], vector), limit=10, where=where).hits
    assert len(hits) == len(snapshot.items([hit.id for hit in hits]))


def measure(snapshot: Snapshot, between: Between, share: float) -> str:
    generator = np.random.default_rng(4)
    first = milliseconds(lambda: snapshot.matching(between.filter(share)))
    filters = [between.filter(share) for _ in range(REPEATS)]
    times = [milliseconds(partial(snapshot.matching, where)) for where in filters]
    answered = []
    for where in filters:
        if isinstance(snapshot.matching(where), Few):
            vector = generator.standard_normal(snapshot.spaces[0].dimension, dtype=np.float32)
            answered.append(milliseconds(partial(answer, snapshot, where, vector)))
    return f"{first:9.1f}  {summary(times)}  {summary(answered) if answered else '':>15}"


def summary(times: Sequence[float]) -> str:
    return f"{np.median(times):7.2f} {np.quantile(times, 0.99):7.2f}"


FIELDS = {
    "taken_at": "SELECT taken_at FROM items ORDER BY taken_at",
    "latitude": "SELECT latitude FROM items ORDER BY latitude",
    "bytes": "SELECT bytes FROM items ORDER BY bytes",
    "path": "SELECT path FROM occurrences ORDER BY path",
    "aesthetic": "SELECT value FROM facts WHERE field = 'aesthetic' ORDER BY value",
    "by": "SELECT value FROM facts WHERE field = 'by' ORDER BY value",
}


TEXTS = {
    "a name": "IMG_0002041",
    "a rare word": "word3000",
    "two words of one caption": "word30 word500",
    "ten words": " ".join(f"word{2**power}" for power in range(10)),
    "the commonest word": "word1",
}


def report_words(snapshot: Snapshot) -> None:
    print("words, the first ten of                   p50     p99")
    for kind, text in TEXTS.items():
        find = partial(search_words, snapshot, text, Extent(limit=10))
        print(f"{kind:32} {summary([milliseconds(find) for _ in range(10)])}", flush=True)


def report(file: Path, dimension: int) -> None:
    with ExitStack() as stack:
        connection = stack.enter_context(closing(connect(file)))
        connection.execute("BEGIN")
        catalogue = SqliteCatalogue(connection, file)
        segments = segments_of(catalogue, dimension)
        rows = sum(map(len, segments))
        print(f"{rows} items of dimension {dimension}, {file.stat().st_size / 2**20:.0f} MiB")
        print("field      share      first   p50     p99    answered: p50 p99")
        for field, statement in FIELDS.items():
            between = Between(catalogue, field, statement)
            for share in SHARES:
                space = Space("synthetic", "0" * 16, dimension)
                gallery = Gallery(1, (space,), Held(segments, [TunedIndex(Unasked(rows))]))
                snapshot = Snapshot(CollectionFolder(file.parent), catalogue, gallery, {})
                print(f"{field:10} {share:6.2%}  {measure(snapshot, between, share)}", flush=True)
        report_words(snapshot)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--at", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        file = (options.at or Path(temporary)) / "catalogue.sqlite"
        if not file.exists():
            print(f"filled in {milliseconds(lambda: fill(file, options.items)) / 1000:.0f} s")
        report(file, options.dimension)


if __name__ == "__main__":
    main()
