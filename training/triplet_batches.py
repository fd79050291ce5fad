"""Batches of triplets from shards: decoded, tokenised and labelled by threads, ahead of their use.

triplet_batches(shards, drawing, steps) -> an iterator over the batches of those steps, while the
context is open. Which triplets step k has follows from the seed, the batch's size and k alone,
whatever the number of processes: each process reads the samples of the whole batch, and decodes the
rows that are its own. Pictures with the same bytes have the same label, wherever they stand. Raises
InputError, naming source and id, for a picture that cannot be read.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch

from models.decode import decode
from models.errors import ImageError, InputError
from models.preprocess import Pixels, Preprocessing
from models.tokens import Tokenizer
from training.contrastive import ABSENT, Labels, picture_labels
from training.triplets.shard_reader import Order, position_after, read_triplets
from training.triplets.shards import TripletShards
from training.triplets.triplet import Triplet


@dataclass(frozen=True)
class Preparing:
    preprocessing: Preprocessing
    tokenizer: Tokenizer
    negatives: int  # mined ones a query


@dataclass(frozen=True)
class Drawing:
    order: Order
    batch: int  # triplets, of all processes together
    rows: slice  # of these, this process's own
    preparing: Preparing
    threads: int
    ahead: int  # batches


@dataclass(frozen=True)
class TripletBatch:
    """This process's rows of a batch; pictures are uint8 (..., height, width, 3)."""

    queries: torch.Tensor  # (n, ...)
    targets: torch.Tensor  # (n, ...)
    tokens: torch.Tensor  # (n, context): of the instructions
    negatives: torch.Tensor  # (n, h, ...): black where a triplet has fewer
    labels: Labels


@dataclass(frozen=True)
class _Job:
    """A picture's bytes, and what an error calls it."""

    data: bytes
    where: str


@dataclass(frozen=True)
class _Picture:
    pixels: Pixels
    id: str  # of its bytes


def together(shards: Sequence[TripletShards]) -> TripletShards:
    """Several folders as one, whose archives are shuffled among each other."""
    records = tuple(
        replace(record, name=str((each.folder / record.name).absolute()))
        for each in shards
        for record in each.records
    )
    return TripletShards(shards[0].folder, records)


def own_rows(batch: int, rank: int, count: int) -> slice:
    """Of a batch that so many processes share evenly."""
    if batch % count:
        raise InputError(f"batch: {batch}, expected a multiple of {count}, as many as processes")
    each = batch // count
    return slice(rank * each, (rank + 1) * each)


@contextmanager
def triplet_batches(
    shards: TripletShards, drawing: Drawing, steps: range
) -> Iterator[Iterator[TripletBatch]]:
    start = position_after(shards, drawing.order, steps.start * drawing.batch)
    triplets = (triplet for _, triplet in read_triplets(shards, drawing.order, start))
    with ExitStack() as opened:
        reader, decoders = ThreadPoolExecutor(1), ThreadPoolExecutor(drawing.threads)
        for pool in (decoders, reader):  # the reader, who waits for the decoders, ends first
            opened.callback(pool.shutdown, cancel_futures=True)

        def draw() -> TripletBatch:
            drawn = list(islice(triplets, drawing.batch))
            return prepared(drawn[drawing.rows], drawing.preparing, decoders)

        yield _ahead(reader, draw, len(steps), drawing.ahead)


def _ahead(
    reader: Executor, draw: Callable[[], TripletBatch], count: int, ahead: int
) -> Iterator[TripletBatch]:
    """Batches in their order, one after the other drawn by the reader's one thread."""
    coming = deque(reader.submit(draw) for _ in range(min(ahead, count)))
    for left in reversed(range(count)):
        batch = coming.popleft().result()
        if left > len(coming):
            coming.append(reader.submit(draw))
        yield batch


def prepared(triplets: Sequence[Triplet], how: Preparing, decoders: Executor) -> TripletBatch:
    count = len(triplets)
    jobs = [_Job(t.query, f"{t.source}: query {t.ids[0]}") for t in triplets]
    jobs += [_Job(t.target, f"{t.source}: target {t.ids[1]}") for t in triplets]
    mined = [_negatives(triplet, how.negatives) for triplet in triplets]
    jobs += [job for each in mined for job in each]
    pictures = list(decoders.map(lambda job: _decoded(job, how.preprocessing), jobs))
    labels = picture_labels([picture.id for picture in pictures])
    pixels = torch.from_numpy(np.stack([picture.pixels for picture in pictures]))
    marks = [[at < len(each) for at in range(how.negatives)] for each in mined]
    there = torch.tensor(marks, dtype=torch.bool).view(count, how.negatives)
    return TripletBatch(
        queries=pixels[:count],
        targets=pixels[count : 2 * count],
        tokens=how.tokenizer([triplet.instruction for triplet in triplets]),
        negatives=_placed(pixels[2 * count :], there, 0),
        labels=Labels(
            positives=torch.arange(count),
            targets=labels[count : 2 * count],
            pictures=labels[:count],
            negatives=_placed(labels[2 * count :], there, ABSENT) if how.negatives else None,
        ),
    )


def _negatives(triplet: Triplet, count: int) -> list[_Job]:
    return [
        _Job(data, f"{triplet.source}: negative {at} of {triplet.ids[0]}")
        for at, data in enumerate(triplet.negatives[:count])
    ]


def _placed(rows: torch.Tensor, there: torch.Tensor, empty: int) -> torch.Tensor:
    """Rows (m, ...) where `there` (n, h) is true, in order, and else what is empty."""
    placed = torch.full((*there.shape, *rows.shape[1:]), empty, dtype=rows.dtype)
    placed[there] = rows
    return placed


def _decoded(job: _Job, preprocessing: Preprocessing) -> _Picture:
    try:
        pixels = preprocessing.pixels(decode(job.data))
    except ImageError as error:
        raise InputError(f"{job.where}: {error}") from error
    return _Picture(pixels, hashlib.sha256(job.data).hexdigest())
