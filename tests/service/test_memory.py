import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.vectors import Embeddings
from service.encoding import Encoding
from service.memory import Memory
from service.settings import Settings
from tests.fakes import ColourEncoder, picture_bytes
from tests.service.conftest import Serve


class Restless(ColourEncoder):
    """No two passes give the same numbers, as no two sizes of a batch do."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        self.passes += 1
        return super().encode_texts(texts) + np.float32(self.passes * 1e-4)

    def encode_images(self, pixels: Sequence[np.ndarray]) -> Embeddings:
        self.passes += 1
        return super().encode_images(pixels) + np.float32(self.passes * 1e-4)


def test_the_pages_of_a_query_are_asked_with_one_vector(serve: Serve) -> None:
    client = serve(Restless())
    cursor, names = None, []
    for _ in range(7):
        query = {"text": "red green", "limit": 1, "cursor": cursor}
        answer = client.post("/v1/search", json=query).json()
        names += [hit["path"] for hit in answer["hits"]]
        cursor = answer["next_cursor"]
    assert cursor is None
    assert len(set(names)) == 7


def test_what_was_kept_first_stays_and_the_oldest_goes() -> None:
    encoder = Restless()
    encoding = Encoding(encoder, Settings(collection=Path("c"), threads=1))
    encoding.start()
    memory = Memory(encoding, capacity=2)

    async def ask() -> None:
        (first,) = await memory.texts(["red"])
        again, blue, more = await memory.texts(["red", "blue", "blue"])
        assert np.array_equal(first, again)
        assert np.array_equal(blue, more)
        assert encoder.passes == 2
        picture = await memory.picture(picture_bytes("red"))
        assert np.array_equal(picture, await memory.picture(picture_bytes("red")))
        assert encoder.passes == 3
        await memory.texts(["red"])
        assert encoder.passes == 4  # blue and the picture were asked later

    asyncio.run(ask())
    encoding.stop()
