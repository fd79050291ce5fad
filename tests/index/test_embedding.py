"""Batches through the encoder: every picture once, however large a batch the encoder can take."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from index.jobs.embedding import BatchSize, Embedder
from index.segments import rows_to_ids
from models.errors import ModelError, ModelMemoryError
from models.preprocess import Pixels
from models.vectors import Embeddings
from tests.fakes import ColourEncoder, picture

IDS = [f"{number:032x}" for number in range(100)]


class SmallEncoder(ColourEncoder):
    """Has memory for so many pictures at once."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.batches: list[int] = []

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        if len(pixels) > self.room:
            raise ModelMemoryError("too many")
        self.batches.append(len(pixels))
        return super().encode_images(pixels)


def refuse(item: str, reason: str) -> None:
    raise AssertionError(f"{item}: {reason}")


def embedded(encoder: ColourEncoder, batch: BatchSize, count: int) -> list[str]:
    """The ids of so many pictures' rows."""
    embedder = Embedder(encoder, batch, refuse)
    for item in IDS[:count]:
        embedder.add(item, encoder.prepare(picture("red")))
    rows = [id_ for segment in embedder.take() for id_ in rows_to_ids(segment.ids)]
    embedder.close()
    return rows


@pytest.mark.parametrize("size", [1, 3, 10, 64])
def test_every_picture_becomes_one_row_whatever_the_batch(size: int) -> None:
    encoder = SmallEncoder(room=size)
    assert embedded(encoder, BatchSize(size, size), 10) == IDS[:10]
    assert max(encoder.batches) <= size


@pytest.mark.parametrize("room", [1, 3, 7, 8])
def test_a_batch_that_does_not_fit_is_halved_until_it_does(room: int) -> None:
    encoder = SmallEncoder(room)
    batch = BatchSize(size=32, largest=32)
    assert embedded(encoder, batch, 90) == IDS[:90]
    assert batch.size == max(2**power for power in range(5) if 2**power <= room)


def test_a_picture_that_does_not_fit_alone_ends_the_job() -> None:
    with pytest.raises(ModelMemoryError):
        embedded(SmallEncoder(room=0), BatchSize(4, 4), 8)


def test_what_else_the_encoder_raises_reaches_the_job() -> None:
    class Broken(ColourEncoder):
        def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
            raise ModelError("broken")

    with pytest.raises(ModelError, match="broken"):
        embedded(Broken(), BatchSize(4, 4), 8)


def test_a_batch_is_encoded_while_the_next_is_gathered() -> None:
    class Waiting(ColourEncoder):
        gathered = threading.Event()

        def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
            assert self.gathered.wait(timeout=10)
            return super().encode_images(pixels)

    encoder = Waiting()
    embedder = Embedder(encoder, BatchSize(2, 2), refuse)
    for item in IDS[:3]:
        embedder.add(item, encoder.prepare(picture("red")))
    encoder.gathered.set()  # with two pictures in the encoder, and a third beside them
    assert sum(map(len, embedder.take())) == 3
    embedder.close()


def test_a_picture_whose_embedding_has_no_direction_is_refused_alone() -> None:
    class Blind(ColourEncoder):
        """Sees nothing in black."""

        def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
            seen = np.array([[p.any()] for p in pixels], dtype=np.float32)
            return super().encode_images(pixels) * seen

    refused: list[str] = []
    encoder = Blind()
    embedder = Embedder(encoder, BatchSize(4, 4), lambda item, _: refused.append(item))
    for item, colour in zip(IDS, ["red", "black", "blue"], strict=False):
        embedder.add(item, encoder.prepare(picture(colour)))
    (rows,) = embedder.take()
    embedder.close()
    assert (rows_to_ids(rows.ids), refused) == ([IDS[0], IDS[2]], [IDS[1]])


def test_a_batch_grows_while_that_pays_and_then_stays() -> None:
    batch = BatchSize(size=8, largest=512)
    for rate in (100.0, 150.0, 160.0, 161.0, 1000.0):
        batch.took(batch.size, batch.size / rate)
    assert batch.size == 32  # 64 was hardly faster


def test_a_batch_that_is_not_full_says_nothing_of_its_size() -> None:
    batch = BatchSize(size=8, largest=512)
    batch.took(3, 0.001)
    assert batch.size == 8
