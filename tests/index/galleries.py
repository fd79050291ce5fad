"""Galleries of given vectors, without pictures."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from index.catalogue import Counts, Header
from index.faiss import exact_index
from index.folder import CollectionFolder
from index.gallery import Gallery, Held
from index.items import Failure, Item
from index.overview.layouts import LayoutRecord
from index.segments import Segment, SegmentRecord, Vectors, ids_to_rows
from index.snapshot import Snapshot
from index.vectors.indexes import IndexRecord
from index.vectors.neighbours import TunedIndex
from models.query import Probe, Query
from models.space import Space
from models.vectors import unit


class NoCatalogue:
    """For snapshots of which only the vectors are asked."""

    def header(self) -> Header:
        raise NotImplementedError

    def counts(self) -> Counts:
        raise NotImplementedError

    def roots(self) -> dict[str, Path]:
        raise NotImplementedError

    def segments(self) -> tuple[SegmentRecord, ...]:
        raise NotImplementedError

    def indexes(self) -> tuple[IndexRecord, ...]:
        raise NotImplementedError

    def layout(self) -> LayoutRecord | None:
        raise NotImplementedError

    def dead(self) -> dict[str, NDArray[np.int64]]:
        raise NotImplementedError

    def items(self, ids: Collection[str]) -> dict[str, Item]:
        raise NotImplementedError

    def item_ids(self) -> Iterator[str]:
        raise NotImplementedError

    def ids_by_path(self, source: str) -> dict[str, str]:
        raise NotImplementedError

    def failures(self) -> Iterator[Failure]:
        raise NotImplementedError

    def rows(self, statement: str, values: Sequence[Any] = ()) -> Iterable[tuple[Any, ...]]:
        raise NotImplementedError


def numbered(count: int) -> list[str]:
    """The ids 00…00, 00…01, …"""
    return [f"{number:032x}" for number in range(count)]


def segment(vectors: ArrayLike, ids: Sequence[str]) -> Segment:
    units, norms = unit(np.asarray(vectors, dtype=np.float32))
    return Segment(ids_to_rows(ids), (Vectors(units.astype(np.float16), norms),))


def snapshot_of(
    vectors: ArrayLike,
    ids: Sequence[str] | None = None,
    *,
    rows_a_segment: int = 1000,
    generation: int = 1,
) -> Snapshot:
    """A snapshot of vectors (n, dim) of any length but zero, in segments of that many rows."""
    rows = np.asarray(vectors, dtype=np.float32)
    ids = numbered(len(rows)) if ids is None else ids
    segments = [
        segment(rows[first : first + rows_a_segment], ids[first : first + rows_a_segment])
        for first in range(0, len(rows), rows_a_segment)
    ]
    index = exact_index(rows.shape[1], [part.vectors[0].units for part in segments])
    gallery = Gallery(generation, (space(rows.shape[1]),), Held(segments, [TunedIndex(index)]))
    return Snapshot(CollectionFolder(Path("nowhere")), NoCatalogue(), gallery, {})


def space(dimension: int) -> Space:
    return Space("test", "0" * 16, dimension)


def query(*vectors: ArrayLike, weights: Sequence[float] | None = None) -> Query:
    units, _ = unit(np.asarray(vectors, dtype=np.float32))
    weights = weights or [1.0] * len(units)
    probes = zip(units, weights, strict=True)
    return Query(tuple(Probe(space(units.shape[1]), vector, weight) for vector, weight in probes))


def random_vectors(
    generator: np.random.Generator, count: int, dimension: int
) -> NDArray[np.float32]:
    return generator.standard_normal((count, dimension), dtype=np.float32)
