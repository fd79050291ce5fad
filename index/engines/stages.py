"""The two stages of a job's pipeline, as workers run them: read and decode, then embed.

Both take and give tables: `number`, and pickled in `body` a Question, then a Reply; `pixels` goes
from the first to the second. A worker that cannot work says so for each of its rows, and never
raises. Pictures are decoded in a process apart, so that one that hangs a decoder, crashes it or
fills its memory costs itself alone.
"""

import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.arrow import load_pyarrow
from index.engines.wire import Answer, Question, Reply, Unread, fault_of
from index.items import item_id
from index.jobs.decoders import DecoderLimits, Decoders
from index.jobs.embedding import BatchSize, Embedder
from index.jobs.known import key_of
from index.jobs.reading import Decoded, Missing, PictureDecoder
from index.segments import rows_to_ids
from models.encoders import ImageEncoder
from models.errors import EngineError, ImageError
from models.preprocess import Pixels
from models.space import Space, named

READERS = 4  # threads of a worker, which fetch while one picture is decoded

Table = Any  # pyarrow's
Keys = NDArray[np.uint64]
Prepared = tuple[Reply, Pixels | None]


def table_of(numbers: Sequence[int], **bodies: Sequence[bytes]) -> Table:
    arrow, _ = load_pyarrow("a Ray pipeline, as")
    columns = {name: arrow.array(rows, arrow.binary()) for name, rows in bodies.items()}
    return arrow.table({"number": arrow.array(numbers, arrow.int64()), **columns})


def bodies_of(table: Table, name: str = "body") -> list[Any]:
    return [pickle.loads(body) for body in table[name].to_pylist()]


def numbers_of(table: Table) -> list[int]:
    numbers: list[int] = table["number"].to_pylist()
    return numbers


class ReadStage:
    """Of a process with one core."""

    def __init__(
        self, decode: PictureDecoder, limits: DecoderLimits, held: Callable[[], Keys]
    ) -> None:
        self._max_bytes = decode.limits.max_bytes
        self._decoders = Decoders[Missing, Decoded](decode, count=1, limits=limits)
        self._threads = ThreadPoolExecutor(READERS, "pictor-read")
        self._held = held()

    def __call__(self, table: Table) -> Table:
        prepared = list(self._threads.map(self._prepared, table["body"].to_pylist()))
        return table_of(
            numbers_of(table),
            body=[pickle.dumps(reply) for reply, _ in prepared],
            pixels=[pickle.dumps(pixels) for _, pixels in prepared],
        )

    def _prepared(self, body: bytes) -> Prepared:
        try:
            question: Question = pickle.loads(body)
            data = question.content.read(self._max_bytes)
        except (ImageError, ImportError) as error:  # this machine lacks what the driver has
            return Unread(str(error)), None
        except Exception as error:  # noqa: BLE001 - a worker's boundary: the driver is told
            return fault_of(error), None
        id_ = item_id(data)
        if not question.must and self._is_held(id_):
            return Answer(id_), None
        return self._decoded(Missing(id_, data, question.lacks.vector, question.lacks.thumbnail))

    def _decoded(self, missing: Missing) -> Prepared:
        try:
            decoded = self._decoders.decode(missing)
        except ImageError as error:
            return Answer(missing.id, refused=str(error)), None
        return Answer(missing.id, replace(decoded, pixels=None)), decoded.pixels

    def _is_held(self, id_: str) -> bool:
        key = key_of(id_)
        at = int(np.searchsorted(self._held, key))
        return at < len(self._held) and self._held[at] == key


@dataclass(frozen=True)
class Embedding:
    """What an embedding stage is made of."""

    load: Callable[[], ImageEncoder]
    spaces: tuple[Space, ...]  # the job's
    batch_size: int | None  # found out where None


class EmbedStage:
    """Of a process with the model; it is loaded for the first table, and once."""

    def __init__(self, embedding: Embedding) -> None:
        self._embedding = embedding
        self._embedder: Embedder | None = None
        self._refused: dict[str, str] = {}

    def __call__(self, table: Table) -> Table:
        replies: list[Reply] = bodies_of(table)
        try:
            replies = self._embedded(replies, bodies_of(table, "pixels"))
        except Exception as error:  # noqa: BLE001 - a worker's boundary: the driver is told
            replies = [fault_of(error)] * len(replies)
        return table_of(numbers_of(table), body=[pickle.dumps(reply) for reply in replies])

    def _embedded(self, replies: list[Reply], pixels: Sequence[Pixels | None]) -> list[Reply]:
        embedder = self._loaded()
        waiting: dict[str, tuple[int, Answer]] = {}  # by item
        for at, (reply, each) in enumerate(zip(replies, pixels, strict=True)):
            if each is None or not isinstance(reply, Answer):
                continue
            if reply.id in waiting:
                replies[at] = Answer(reply.id)  # the one before it has all
            else:
                waiting[reply.id] = at, reply
                embedder.add(reply.id, each)
        for segment in embedder.take():
            for row, id_ in enumerate(rows_to_ids(segment.ids)):
                at, answer = waiting[id_]
                replies[at] = replace(answer, row=segment.rows([row]))
        for id_, reason in self._refused.items():
            replies[waiting[id_][0]] = Answer(id_, refused=reason)
        self._refused.clear()
        return replies

    def _loaded(self) -> Embedder:
        if self._embedder is None:
            encoder = self._embedding.load()
            if encoder.spaces != self._embedding.spaces:
                raise EngineError(
                    f"a worker's model writes {named(encoder.spaces)}, this job's writes "
                    f"{named(self._embedding.spaces)}: the machines have different weights, or "
                    "different versions of Pictor"
                )
            batch = BatchSize.of(self._embedding.batch_size)
            self._embedder = Embedder(encoder, batch, self._refuse)
        return self._embedder

    def _refuse(self, item: str, reason: str) -> None:
        self._refused[item] = reason
