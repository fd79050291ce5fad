"""How long a page of a listing and a count of values take, over a catalogue without pictures.

    python -m benchmarks.listing [--items 200000] [--at FOLDER]

The catalogue is the one of benchmarks/filters.py. Each order is paged through from its beginning,
its middle and its end; each filter leaves a share of the items, and `far` ones are the last in the
order, so that everything before them is passed over. Printed in milliseconds of the processor,
which other programs beside it do not lengthen much: the first page of a state of the collection
(`first`), and the median and the longest of ten after it.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.filters import Unasked, fill, segments_of
from index.catalogue import SqliteCatalogue, connect
from index.filtering.facets import Counting
from index.filtering.filters import parse
from index.filtering.listing import Browsing
from index.filtering.orders import ORDERS
from index.folder import CollectionFolder
from index.gallery import Gallery, Held
from index.segments import Segment
from index.snapshot import Snapshot
from index.vectors.neighbours import TunedIndex
from models.space import Space

DIMENSION = 4
PAGE = 100
REPEATS = 10

FILTERS: dict[str, dict[str, Any] | None] = {
    "all": None,
    "1 %": {"field": "aesthetic", "lt": 0.01},
    "half": {"field": "aesthetic", "lt": 0.5},
    "half, far": {"field": "taken_at", "lt": "2019"},
    "20 %, far": {"field": "taken_at", "lt": "2016"},
}
FACETS: dict[str, dict[str, Any]] = {
    "camera": {"field": "camera"},
    "taken_at by month": {"field": "taken_at", "period": "month"},
    "folders": {"field": "path"},
    "folders of 2015/": {"field": "path", "prefix": "2015/"},
    "by (10,000 people)": {"field": "by"},
    "bytes by 1 MB": {"field": "bytes", "step": 1e6},
}


class Ground:
    def __init__(self, catalogue: SqliteCatalogue, segments: list[Segment]) -> None:
        self._catalogue = catalogue
        self._segments = segments
        self._rows = sum(map(len, segments))

    def snapshot(self) -> Snapshot:
        """Of which nothing has been made yet."""
        space = Space("synthetic", "0" * 16, DIMENSION)
        gallery = Gallery(1, (space,), Held(self._segments, [TunedIndex(Unasked(self._rows))]))
        return Snapshot(CollectionFolder(Path("nowhere")), self._catalogue, gallery, {})


def milliseconds(call: Callable[[], object]) -> float:
    started = time.thread_time()
    call()
    return 1000 * (time.thread_time() - started)


def times(call: Callable[[], object]) -> str:
    first = milliseconds(call)
    later = [milliseconds(call) for _ in range(REPEATS)]
    return f"{first:9.1f} {np.median(later):8.2f} {max(later):8.2f}"


def report_pages(ground: Ground) -> None:
    print(f"pages of {PAGE}                 first      p50      max")
    for name, content in FILTERS.items():
        for order in ORDERS:
            snapshot = ground.snapshot()
            where = parse(content) if content else None
            browsing = Browsing(order, descending=True, limit=PAGE, where=where)
            print(
                f"{name:10} by {order:10} {times(partial(snapshot.listed, browsing))}", flush=True
            )
    snapshot, browsing = ground.snapshot(), Browsing(limit=1000)
    for _ in range(50):
        cursor = snapshot.listed(browsing).next_cursor
        browsing = replace(browsing, cursor=cursor)
    print(f"after 50,000 by taken_at {times(lambda: snapshot.listed(browsing))}")
    print(f"1,000 with their items   {times(lambda: whole(snapshot, browsing))}")


def whole(snapshot: Snapshot, browsing: Browsing) -> None:
    snapshot.items(snapshot.listed(browsing).ids)


def report_facets(ground: Ground) -> None:
    print("counts                          first      p50      max")
    for name, asked in FACETS.items():
        for of, content in (("all", None), ("half", FILTERS["half"]), ("1 %", FILTERS["1 %"])):
            snapshot = ground.snapshot()
            counting = Counting(**asked, where=parse(content) if content else None)
            print(f"{name:20} {of:5} {times(partial(snapshot.facets, counting))}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--at", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        file = (options.at or Path(temporary)) / "catalogue.sqlite"
        if not file.exists():
            fill(file, options.items)
        connection = stack.enter_context(closing(connect(file)))
        connection.execute("BEGIN")
        catalogue = SqliteCatalogue(connection, file)
        ground = Ground(catalogue, segments_of(catalogue, DIMENSION))
        report_pages(ground)
        report_facets(ground)


if __name__ == "__main__":
    main()
