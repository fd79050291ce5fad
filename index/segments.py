"""Immutable files of vectors: ids (n, 16) uint8, and of each space of the collection units (n, dim)
float16 and norms (n,) float32. A row is one item in every space.

The file is in safetensors' format, named by its content, and mapped rather than read. The id stands
beside its vector: that is the only join between vectors and the catalogue.
Format: https://huggingface.co/docs/safetensors/index#format
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from index.folder import writing
from models.errors import CollectionError

ROWS = 65_536  # rows of a full segment, which bounds what the job holds in memory
SUFFIX = ".safetensors"
ID_BYTES = 16

Ids = NDArray[np.uint8]  # (n, 16)
Units = NDArray[np.float16]  # (n, dim)
Norms = NDArray[np.float32]  # (n,)

# what a header that is not one leads to
DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
DTYPES = {"U8": np.uint8, "F16": np.float16, "F32": np.float32}


@dataclass(frozen=True)
class SegmentRecord:
    """What the catalogue keeps of a segment."""

    name: str
    rows: int
    bytes: int
    checksum: str  # SHA-256 of the file


@dataclass(frozen=True)
class Vectors:
    """Rows of one space."""

    units: Units
    norms: Norms


@dataclass(frozen=True)
class Segment:
    ids: Ids
    vectors: tuple[Vectors, ...]  # one a space, in the collection's order

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, chosen: Sequence[int] | slice) -> "Segment":
        parts = (Vectors(each.units[chosen], each.norms[chosen]) for each in self.vectors)
        return Segment(self.ids[chosen], tuple(parts))


def ids_to_rows(ids: Sequence[str]) -> Ids:
    return np.frombuffer(bytes.fromhex("".join(ids)), dtype=np.uint8).reshape(-1, ID_BYTES)


def rows_to_ids(ids: Ids) -> list[str]:
    return [row.tobytes().hex() for row in ids]


def rows_among(segment: Segment, ids: Sequence[str]) -> NDArray[np.int64]:
    """(m,), rising: the rows of these items."""
    return np.flatnonzero(np.isin(_keys(segment.ids), _keys(ids_to_rows(ids))))


def _keys(ids: Ids) -> NDArray[np.bytes_]:
    return np.ascontiguousarray(ids).view(f"S{ID_BYTES}").ravel()


def write_segment(folder: Path, segment: Segment) -> SegmentRecord:
    """Write it under a name made of its content; not durable yet."""
    tensors: dict[str, NDArray[Any]] = {"ids": segment.ids}
    for space, vectors in enumerate(segment.vectors):
        units, norms = _names(space)
        tensors |= {units: vectors.units, norms: vectors.norms}
    # no two segments bear one name, though one may hold the rows that another held
    data = safetensors.numpy.save(tensors, metadata={"segment": uuid4().hex})
    checksum = hashlib.sha256(data).hexdigest()
    name = checksum[:32] + SUFFIX
    with writing(folder / name):
        (folder / name).write_bytes(data)
    return SegmentRecord(name, len(segment), len(data), checksum)


def open_segment(path: Path, rows: int, dimensions: Sequence[int]) -> Segment:
    """Map a segment; raises CollectionError for a file that does not hold what was expected.

    A missing file raises FileNotFoundError, which says that the catalogue has moved on.
    """
    try:
        tensors = mapped_tensors(path)
        pairs = (_names(space) for space in range(len(dimensions)))
        vectors = tuple(Vectors(tensors[units], tensors[norms]) for units, norms in pairs)
        segment = Segment(tensors["ids"], vectors)
    except FileNotFoundError:
        raise
    except DAMAGE as error:
        raise CollectionError(f"{path}: damaged segment: {error}") from error
    expected: list[tuple[str, tuple[int, ...]]] = [("uint8", (rows, ID_BYTES))]
    for dimension in dimensions:
        expected += [("float16", (rows, dimension)), ("float32", (rows,))]
    arrays = [segment.ids, *(a for each in segment.vectors for a in (each.units, each.norms))]
    held = [(array.dtype.name, array.shape) for array in arrays]
    if held != expected:
        raise CollectionError(f"{path}: damaged segment: holds {held}, expected {expected}")
    return segment


def _names(space: int) -> tuple[str, str]:
    """The first space's arrays bear the names that they had when there was but one."""
    return ("units", "norms") if space == 0 else (f"units.{space}", f"norms.{space}")


def mapped_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file in safetensors' format, mapped; raises one of DAMAGE."""
    mapped = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    # 8 bytes of header length, the header as JSON, the tensors' bytes
    start = 8 + int(mapped[:8].view("<u8")[0])
    header: dict[str, Any] = json.loads(mapped[8:start].tobytes())
    body = mapped[start:]
    return {
        name: body[slice(*tensor["data_offsets"])]
        .view(DTYPES[tensor["dtype"]])
        .reshape(tensor["shape"])
        for name, tensor in header.items()
        if name != "__metadata__"
    }


@dataclass
class SegmentWriter:
    """Rows in, files of at most `rows` rows out; `close` gives their records in order."""

    folder: Path
    rows: int = ROWS
    records: list[SegmentRecord] = field(default_factory=list)
    _pending: list[Segment] = field(default_factory=list)
    _count: int = 0

    def append(self, segment: Segment) -> None:
        for part in _parts(segment, self.rows):
            if self._count + len(part) > self.rows:
                self._flush()
            self._pending.append(part)
            self._count += len(part)

    def close(self) -> tuple[SegmentRecord, ...]:
        self._flush()
        return tuple(self.records)

    def _flush(self) -> None:
        if not self._count:
            return
        self.records.append(write_segment(self.folder, joined(self._pending)))
        self._pending, self._count = [], 0


def joined(parts: Sequence[Segment]) -> Segment:
    vectors = tuple(
        Vectors(
            np.concatenate([part.vectors[space].units for part in parts]),
            np.concatenate([part.vectors[space].norms for part in parts]),
        )
        for space in range(len(parts[0].vectors))
    )
    return Segment(np.concatenate([part.ids for part in parts]), vectors)


def _parts(segment: Segment, rows: int) -> Iterator[Segment]:
    for first in range(0, len(segment), rows):
        yield segment.rows(slice(first, first + rows))
