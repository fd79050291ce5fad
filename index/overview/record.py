"""The overview's file: where the rows of the first segments lie, and the projection of the rest.

The file is in safetensors' format: `places` (rows, 2) float32, and the projection's arrays. It is
named by its content and never changed. Like an index it covers the first of the catalogue's
segments; `covered` fixes which, so that a file beside other segments is refused rather than read.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from index.folder import writing
from index.overview.projection import Places, Projection
from index.segments import SegmentRecord
from models.errors import CollectionError

SUFFIX = ".overview"
ARRAYS = ("mean", "axes", "middle", "spread")


@dataclass(frozen=True)
class OverviewRecord:
    """What the catalogue keeps of it."""

    name: str
    rows: int
    bytes: int
    checksum: str  # SHA-256 of the file
    segments: int  # how many it covers
    covered: str  # of which content


@dataclass(frozen=True)
class OverviewFile:
    places: Places  # (rows, 2)
    projection: Projection


def covered_by(segments: Iterable[SegmentRecord]) -> str:
    digest = hashlib.sha256()
    for segment in segments:
        digest.update(bytes.fromhex(segment.checksum))
    return digest.hexdigest()[:32]


def write_overview(
    folder: Path, overview: OverviewFile, segments: Sequence[SegmentRecord]
) -> OverviewRecord:
    """Of all rows of these segments; not durable yet."""
    arrays = {name: np.ascontiguousarray(getattr(overview.projection, name)) for name in ARRAYS}
    data = save({"places": np.ascontiguousarray(overview.places), **arrays})
    checksum = hashlib.sha256(data).hexdigest()
    name = checksum[:32] + SUFFIX
    with writing(folder / name):
        (folder / name).write_bytes(data)
    return OverviewRecord(
        name, len(overview.places), len(data), checksum, len(segments), covered_by(segments)
    )


def open_overview(
    folder: Path, record: OverviewRecord, segments: Sequence[SegmentRecord], dimension: int
) -> OverviewFile:
    """Raises CollectionError for one that is damaged or of other segments than these, and
    FileNotFoundError where a later generation has removed it."""
    file = folder / record.name
    if record.covered != covered_by(segments[: record.segments]):
        raise CollectionError(f"{file}: an overview of other segments")
    try:
        arrays = load_file(file)
        projection = Projection(*(arrays[name] for name in ARRAYS))
        overview = OverviewFile(arrays["places"], projection)
    except FileNotFoundError:
        raise
    except (OSError, SafetensorError, LookupError, ValueError) as error:
        raise CollectionError(f"{file}: damaged overview: {error}") from error
    held = [overview.places, *(arrays[name] for name in ARRAYS)]
    expected = [(record.rows, 2), (dimension,), (dimension, 2), (2,), (2,)]
    if [each.shape for each in held] != expected or any(a.dtype != np.float32 for a in held):
        raise CollectionError(f"{file}: damaged overview: not {expected} of float32")
    return overview
