"""Triplets in a shuffled order, endlessly, from any place of it.

read_triplets(shards, order, start) -> (position, triplet) again and again: the position is the one
behind that triplet, where a run that is resumed goes on with exactly those that it has not had.
In each epoch the archives come in another order, dealt out over the readers that share the work,
and of a reader's sequence every `buffer` samples are shuffled. All of it follows from the seed, so
that a position is two numbers. Archives are streamed; held are the places of a buffer's samples,
not their pictures. Raises InputError, naming archive and sample, for one that is damaged or is not
what the manifest says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice

import numpy as np
from numpy.typing import NDArray

from index.sourcing.archive import Sample, samples
from models.errors import InputError
from training.triplets.shards import ShardRecord, TripletShards, read_triplet
from training.triplets.triplet import Triplet


@dataclass(frozen=True)
class Order:
    seed: int
    buffer: int = 4096  # samples
    part: int = 0  # of the readers that share the archives
    parts: int = 1

    def __post_init__(self) -> None:
        if self.buffer < 1 or not 0 <= self.part < self.parts:
            raise InputError(f"{self}: expected a buffer, and a part of the parts")


@dataclass(frozen=True)
class Position:
    epoch: int = 0
    samples: int = 0  # that this reader has had of the epoch


def read_triplets(
    shards: TripletShards, order: Order, start: Position | None = None
) -> Iterator[tuple[Position, Triplet]]:
    """Raises InputError where there are more readers than archives."""
    start = start or Position()
    had = start.samples
    for epoch in count(start.epoch):
        records = _dealt(shards, order, epoch)
        for sample in _shuffled(shards, records, order, Position(epoch, had)):
            had += 1
            yield Position(epoch, had), read_triplet(sample)
        had = 0


def position_after(shards: TripletShards, order: Order, taken: int) -> Position:
    """Where a reader is that has had so many in all."""
    for epoch in count():
        in_epoch = _count(_dealt(shards, order, epoch))
        if taken < in_epoch:
            return Position(epoch, taken)
        taken -= in_epoch
    raise AssertionError("an endless count has ended")


def _dealt(shards: TripletShards, order: Order, epoch: int) -> list[ShardRecord]:
    records = shards.records
    if len(records) < order.parts:
        raise InputError(
            f"{shards.folder}: {len(records)} archives for {order.parts} readers, "
            "expected at least one for each: write smaller ones"
        )
    shuffled = np.random.default_rng([order.seed, epoch]).permutation(len(records))
    return [records[at] for at in shuffled[order.part :: order.parts]]


def _shuffled(
    shards: TripletShards, records: Sequence[ShardRecord], order: Order, position: Position
) -> Iterator[Sample]:
    """What is left of the epoch: only the archives that it is in are read."""
    total, had = _count(records), position.samples
    first = had - had % order.buffer
    in_turn = _from(shards, records, first)
    for at in range(first, total, order.buffer):
        held = list(islice(in_turn, order.buffer))
        for row in _permutation(order, position.epoch, at, len(held))[max(had - at, 0) :]:
            yield held[row]


def _permutation(order: Order, epoch: int, at: int, size: int) -> NDArray[np.int64]:
    return np.random.default_rng([order.seed, epoch, order.part, at]).permutation(size)


def _from(shards: TripletShards, records: Sequence[ShardRecord], first: int) -> Iterator[Sample]:
    """The samples of these archives, but for the first so many."""
    ends = np.cumsum([record.samples for record in records])
    at = int(np.searchsorted(ends, first, side="right"))
    skipped = first - int(ends[at - 1]) if at else first
    every = chain.from_iterable(_counted(shards, record) for record in records[at:])
    return islice(every, skipped, None)


def _counted(shards: TripletShards, record: ShardRecord) -> Iterator[Sample]:
    archive, found = shards.folder / record.name, 0
    for sample in samples(archive):
        found += 1
        if found > record.samples:
            break
        yield sample
    if found != record.samples:
        raise InputError(f"{archive}: has {found} samples or more, expected {record.samples}")


def _count(records: Sequence[ShardRecord]) -> int:
    return sum(record.samples for record in records)
