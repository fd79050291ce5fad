"""The layout of a collection's overview as a file: which item lies where.

ids (n, 16) uint8, rising, and places (n, 2) float32 of 0 to 1, in safetensors' format; a layout of
principal components holds its projection, too, to place by what comes later. The file is named by
its content. The id stands beside its place, so that a layout outlives the segments that it was made
of, and an item that comes back has its place again.

A layout is derived: without its file, or with a damaged one, there is none, and nothing else of the
collection is the worse for it.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from index.folder import writing
from index.overview.projection import Places, Projection
from index.segments import DAMAGE, ID_BYTES, SUFFIX, Ids, mapped_tensors
from models.errors import CollectionError

PROJECTION = ("mean", "axes", "middle", "spread")

STEP = (
    """CREATE TABLE layouts (
        name TEXT PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
        checksum TEXT NOT NULL, method TEXT NOT NULL, fitted INTEGER NOT NULL
    ) WITHOUT ROWID""",
)


@dataclass(frozen=True)
class LayoutRecord:
    """What the catalogue keeps of a layout."""

    name: str
    rows: int
    bytes: int
    checksum: str  # SHA-256 of the file
    method: str
    fitted: int  # of how many rows; those that came later were placed beside them


@dataclass(frozen=True, eq=False)
class Layout:
    method: str
    fitted: int
    ids: Ids
    places: Places
    projection: Projection | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def positions(self, ids: Ids) -> NDArray[np.int64]:
        """(m,): where each of these ids stands, -1 for one that has no place."""
        if not len(self):
            return np.full(len(ids), -1, np.int64)
        own, asked = id_keys(self.ids), id_keys(ids)
        at = np.searchsorted(own, asked).clip(max=len(own) - 1)
        return np.where(own[at] == asked, at, -1)


def id_keys(ids: Ids) -> NDArray[np.bytes_]:
    """(n, 16) -> (n,), which are compared as the ids are."""
    return np.ascontiguousarray(ids).view(f"S{ID_BYTES}").ravel()


def write_layout(folder: Path, layout: Layout) -> LayoutRecord:
    """Not durable yet."""
    tensors: dict[str, NDArray[Any]] = {"ids": layout.ids, "places": layout.places}
    if layout.projection is not None:
        tensors |= {name: getattr(layout.projection, name) for name in PROJECTION}
    data = safetensors.numpy.save({n: np.ascontiguousarray(t) for n, t in tensors.items()})
    checksum = hashlib.sha256(data).hexdigest()
    name = checksum[:32] + SUFFIX
    with writing(folder / name):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return LayoutRecord(name, len(layout), len(data), checksum, layout.method, layout.fitted)


def open_layout(folder: Path, record: LayoutRecord) -> Layout:
    """Mapped; raises CollectionError for a file that is missing or does not hold a layout."""
    file = folder / record.name
    try:
        held = mapped_tensors(file)
        projection = Projection(*(held[n] for n in PROJECTION)) if "mean" in held else None
        layout = Layout(record.method, record.fitted, held["ids"], held["places"], projection)
    except DAMAGE as error:
        raise CollectionError(f"{file}: damaged layout: {error}") from error
    shapes = [
        (layout.ids.dtype.name, layout.ids.shape),
        (layout.places.dtype.name, layout.places.shape),
    ]
    expected = [("uint8", (record.rows, ID_BYTES)), ("float32", (record.rows, 2))]
    if shapes != expected or not _fits(projection):
        raise CollectionError(f"{file}: damaged layout: holds {shapes}, expected {expected}")
    return layout


def _fits(projection: Projection | None) -> bool:
    if projection is None:
        return True
    shapes = [getattr(projection, name).shape for name in PROJECTION]
    return shapes == [(projection.dimension,), (projection.dimension, 2), (2,), (2,)]
