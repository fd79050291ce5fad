"""Triplets in a shuffled order, which any reader can take up from any place."""

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from models.errors import InputError
from tests.training.numbered import epoch, written
from training.triplets.shard_reader import Order, Position, position_after, read_triplets


def test_an_epoch_has_each_triplet_once_in_an_order_of_its_own(tmp_path: Path) -> None:
    shards = written(tmp_path, 20, samples=3)
    orders = [epoch(shards, Order(seed=1, buffer=6), number) for number in range(3)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert epoch(shards, Order(seed=1, buffer=6)) == orders[0]
    assert epoch(shards, Order(seed=2, buffer=6)) != orders[0]


def test_archives_are_shuffled_and_within_a_buffer_their_samples(tmp_path: Path) -> None:
    shards = written(tmp_path, 20, samples=5)
    of_archives, within = set(), set()
    for number in range(4):
        order = epoch(shards, Order(seed=1, buffer=5), number)
        archives = [[each // 5 for each in order[at : at + 5]] for at in range(0, 20, 5)]
        assert all(len(set(each)) == 1 for each in archives)
        of_archives.add(tuple(each[0] for each in archives))
        within.add(tuple(each % 5 for each in order[:5]))
    assert len(of_archives) > 1 and len(within) > 1


@pytest.mark.parametrize("buffer", [1, 3, 4, 100])
def test_after_every_position_come_exactly_those_that_are_left(tmp_path: Path, buffer: int) -> None:
    shards, order = written(tmp_path, 11, samples=4), Order(seed=3, buffer=buffer)
    through = list(islice(read_triplets(shards, order), 30))
    for had in range(23):
        position = through[had - 1][0] if had else Position()
        resumed = list(islice(read_triplets(shards, order, position), 30 - had))
        assert resumed == through[had:]


def test_a_position_follows_from_the_number_of_samples(tmp_path: Path) -> None:
    shards, order = written(tmp_path, 11, samples=4), Order(seed=3, buffer=4, part=1, parts=2)
    through = list(islice(read_triplets(shards, order), 30))
    for taken in range(25):
        position = position_after(shards, order, taken)
        resumed = list(islice(read_triplets(shards, order, position), 30 - taken))
        assert resumed == through[taken:]


def test_a_resumed_reader_opens_no_archive_that_it_is_through_with(tmp_path: Path) -> None:
    shards, order = written(tmp_path, 12, samples=4), Order(seed=0, buffer=4)
    through = epoch(shards, order)
    (tmp_path / f"{through[0] // 4:06d}.tar").unlink()
    left = islice(read_triplets(shards, order, Position(0, 4)), 8)
    assert [each.ids[0] for _, each in left] == [f"q{number}" for number in through[4:]]


@pytest.mark.parametrize("parts", [2, 3])
def test_readers_share_the_archives_of_an_epoch(tmp_path: Path, parts: int) -> None:
    shards = written(tmp_path, 11, samples=2)
    for number in range(3):
        orders = [Order(seed=1, buffer=3, part=part, parts=parts) for part in range(parts)]
        shares = [epoch(shards, order, number) for order in orders]
        assert Counter(each for share in shares for each in share) == Counter(range(11))


def test_more_readers_than_archives_are_refused(tmp_path: Path) -> None:
    shards = written(tmp_path, 4, samples=2)
    with pytest.raises(InputError, match="2 archives for 3 readers"):
        next(read_triplets(shards, Order(seed=0, parts=3)))
    with pytest.raises(InputError, match="a part of the parts"):
        Order(seed=0, part=2, parts=2)
