"""Batches of triplets: the same rows however many share them, and from whatever step they begin."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import InputError
from models.huggingface import CLIP_MEAN, CLIP_STD
from models.magiclens.encoder import FoldedTokenizer
from models.preprocess import Preprocessing
from tests.training.coloured import SIDE, coloured, triplets, write_triplets
from training.contrastive import ABSENT
from training.triplet_batches import (
    Drawing,
    Preparing,
    TripletBatch,
    own_rows,
    prepared,
    together,
    triplet_batches,
)
from training.triplets.shard_reader import Order
from training.triplets.shards import TripletShards, open_shards
from training.triplets.triplet import Triplet

BATCH = 8
WHOLE = slice(0, BATCH)
PREPARING = Preparing(
    Preprocessing(SIDE, SIDE, CLIP_MEAN, CLIP_STD, resize_mode="squash"),
    FoldedTokenizer(200, 12),
    1,
)
DRAWING = Drawing(Order(seed=5, buffer=12), BATCH, WHOLE, PREPARING, threads=2, ahead=2)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> TripletShards:
    return open_shards(write_triplets(tmp_path_factory.mktemp("data") / "shards", negatives=1))


def drawn(shards: TripletShards, drawing: Drawing, steps: range) -> list[TripletBatch]:
    with triplet_batches(shards, drawing, steps) as batches:
        return list(batches)


def prepare(*chosen: Triplet, negatives: int = 1) -> TripletBatch:
    with ThreadPoolExecutor(1) as decoders:
        return prepared(chosen, replace(PREPARING, negatives=negatives), decoders)


def expect_equal(one: TripletBatch, other: TripletBatch) -> None:
    for part in ("queries", "targets", "tokens", "negatives"):
        assert torch.equal(getattr(one, part), getattr(other, part))
    for part in ("positives", "targets", "pictures", "negatives"):
        assert torch.equal(getattr(one.labels, part), getattr(other.labels, part))


def test_a_batch_has_the_pictures_and_tokens_of_its_triplets() -> None:
    first, second = triplets()[:2]  # red with a bar on its left, to green and to blue
    batch = prepare(first, second)
    assert np.array_equal(batch.queries[1].numpy(), np.asarray(coloured("red", "left")))
    assert np.array_equal(batch.targets[1].numpy(), np.asarray(coloured("blue", "left")))
    words = PREPARING.tokenizer(["make it green", "make it blue"])
    assert torch.equal(batch.tokens, words)


def test_pictures_of_the_same_bytes_have_the_same_label_wherever_they_stand() -> None:
    to_green, to_blue, _, back = triplets(negatives=1)[:4]  # the last: green to red
    labels = prepare(to_green, to_blue, back).labels
    assert labels.pictures is not None and labels.negatives is not None
    assert labels.pictures[0] == labels.pictures[1] == labels.targets[2]
    assert labels.targets[0] == labels.pictures[2]
    assert labels.negatives[0] == labels.negatives[1] != labels.negatives[2]
    assert labels.positives.tolist() == [0, 1, 2]


def test_a_triplet_with_fewer_negatives_leaves_places_that_nothing_counts() -> None:
    with_one, with_none = triplets(negatives=1)[0], triplets()[1]
    batch = prepare(with_none, with_one, negatives=2)
    assert batch.negatives.shape == (2, 2, SIDE, SIDE, 3)
    assert batch.labels.negatives is not None
    assert (batch.labels.negatives != ABSENT).tolist() == [[False, False], [True, False]]
    assert np.array_equal(batch.negatives[1, 0].numpy(), np.asarray(coloured("red", "right")))
    assert not batch.negatives[0].any()


def test_without_mined_negatives_there_are_no_places_for_them() -> None:
    batch = prepare(triplets(negatives=1)[0], negatives=0)
    assert batch.negatives.shape == (1, 0, SIDE, SIDE, 3)
    assert batch.labels.negatives is None


def test_two_processes_share_the_batch_that_one_has(shards: TripletShards) -> None:
    whole = drawn(shards, DRAWING, range(3))
    for half in (own_rows(BATCH, 0, 2), own_rows(BATCH, 1, 2)):
        own = drawn(shards, replace(DRAWING, rows=half), range(3))
        for of_all, of_one in zip(whole, own, strict=True):
            assert torch.equal(of_one.queries, of_all.queries[half])
            assert torch.equal(of_one.tokens, of_all.tokens[half])


def test_a_batch_that_processes_cannot_share_evenly_is_refused() -> None:
    assert [own_rows(6, rank, 3) for rank in range(3)] == [slice(0, 2), slice(2, 4), slice(4, 6)]
    with pytest.raises(InputError, match="batch: 7, expected a multiple of 3"):
        own_rows(7, 0, 3)


def test_a_run_that_is_resumed_draws_what_it_has_not_had(shards: TripletShards) -> None:
    """36 triplets: the fifth batch of 8 goes over into the next epoch."""
    undisturbed = drawn(shards, DRAWING, range(7))
    resumed = drawn(shards, DRAWING, range(4, 7))
    for one, other in zip(undisturbed[4:], resumed, strict=True):
        expect_equal(one, other)


def test_batches_do_not_depend_on_who_decodes_them(shards: TripletShards) -> None:
    alone = drawn(shards, replace(DRAWING, threads=1, ahead=1), range(3))
    for one, other in zip(drawn(shards, DRAWING, range(3)), alone, strict=True):
        expect_equal(one, other)


def test_folders_of_shards_are_read_as_one(tmp_path: Path, shards: TripletShards) -> None:
    more = open_shards(write_triplets(tmp_path / "more"))
    both = together([shards, more])
    assert both.samples == 72
    drawing = replace(DRAWING, batch=72, rows=slice(0, 72))
    (batch,) = drawn(both, drawing, range(1))
    assert batch.labels.negatives is not None
    assert int((batch.labels.negatives == ABSENT).sum()) == 36  # those of the second folder


def test_a_picture_that_cannot_be_read_is_named() -> None:
    broken = replace(triplets()[0], target=b"no picture")
    with pytest.raises(InputError, match="colours: target green left: not a picture"):
        prepare(broken)


def test_a_run_that_reads_ahead_may_stop_at_any_time(shards: TripletShards) -> None:
    with triplet_batches(shards, DRAWING, range(1000)) as batches:
        assert len(next(batches).queries) == BATCH
