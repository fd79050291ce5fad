"""Triplets that bear a number, and how they come out of their shards again."""

from pathlib import Path

from training.triplets.shard_reader import Order, Position, read_triplets
from training.triplets.shards import Sharding, TripletShards, open_shards, write_shards
from training.triplets.triplet import Triplet


def triplet(number: int, negatives: int = 0) -> Triplet:
    return Triplet(
        query=b"query %d" % number,
        target=b"target %d" % number,
        instruction=f"make it {number}, plus bleu",
        ids=(f"q{number}", f"t{number}"),
        source="http://a",
        negatives=tuple(b"negative %d" % each for each in range(negatives)),
    )


def written(folder: Path, count: int, samples: int = 2) -> TripletShards:
    write_shards(map(triplet, range(count)), folder, Sharding(samples=samples))
    return open_shards(folder)


def epoch(shards: TripletShards, order: Order, number: int = 0) -> list[int]:
    found = []
    for position, each in read_triplets(shards, order, Position(number)):
        if position.epoch != number:
            break
        found.append(int(each.ids[0][1:]))
    return found
