"""The indexes beside the segments: what the catalogue keeps of them, and how they are named.

The settings are JSON: the FAISS factory string, and for an index that is not exact what its
searches were tuned to (index/vectors/effort.py). An index covers the first of the catalogue's
segments, those that were there when it was built; what came later is searched beside it. Its file
is named by its settings and the checksums of the segments that it covers, in their order: since a
segment never changes, the name fixes which row is which, and an index beside other segments is
refused rather than read.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.faiss import FaissIndex
from index.segments import SegmentRecord
from index.vectors.effort import Tuning, parse_tuning
from index.vectors.neighbours import TunedIndex
from models.errors import CollectionError

SUFFIX = ".faiss"
FLAT = "{}"  # the settings of format 2's indexes, which were all flat


@dataclass(frozen=True)
class IndexRecord:
    """What the catalogue keeps of an index."""

    name: str
    rows: int
    bytes: int
    checksum: str  # SHA-256 of the file
    space: int = 0  # its position among the collection's spaces
    segments: int = 0  # how many it covers
    settings: str = FLAT  # JSON: what it is, and what its search was tuned to


def index_name(covered: Iterable[SegmentRecord], space: int = 0, settings: str = FLAT) -> str:
    # as format 2 named them, where an index is of its kind
    kind = "flat" if settings == FLAT else settings
    digest = hashlib.sha256((kind if space == 0 else f"{kind}/{space}").encode())
    for segment in covered:
        digest.update(bytes.fromhex(segment.checksum))
    return digest.hexdigest()[:32] + SUFFIX


def settings_of(factory: str, tuning: Tuning | None) -> str:
    tuned = {} if tuning is None else {"tuning": json.loads(tuning.to_json())}
    return json.dumps({"factory": factory, **tuned}, sort_keys=True)


def factory_of(settings: str) -> str:
    return str(_held(settings).get("factory", "Flat"))


def tuning_of(settings: str) -> Tuning | None:
    """Raises CollectionError for settings that are none."""
    held = _held(settings).get("tuning")
    return None if held is None else parse_tuning(json.dumps(held))


def _held(settings: str) -> dict[str, Any]:
    try:
        held = json.loads(settings)
    except (ValueError, RecursionError) as error:
        raise CollectionError(f"index settings cannot be read: {settings[:80]!r}") from error
    return held if isinstance(held, dict) else {}


def shortcomings(records: Sequence[IndexRecord]) -> Iterator[str]:
    """What finds less than it was to find, in a line each."""
    for record in records:
        tuning = tuning_of(record.settings)
        if tuning is None:
            continue
        for kind in tuning.missed:
            reached = {"image": tuning.image, "text": tuning.text}[kind]
            yield (
                f"the index finds {reached.recall:.2f} of the ten nearest to {kind} queries, and "
                f"{tuning.target:g} were asked for: give it more with --index-memory, or choose "
                "another with --index"
            )


def open_index(
    folder: Path, record: IndexRecord, segments: Sequence[SegmentRecord], dimension: int
) -> TunedIndex:
    """Raises CollectionError for an index that is damaged, or of other segments than these."""
    covered = segments[: record.segments]
    if record.name != index_name(covered, record.space, record.settings):
        raise CollectionError(f"{folder / record.name}: an index of other segments")
    index = FaissIndex.open(folder / record.name, dimension, record.bytes)
    return TunedIndex(index, tuning_of(record.settings))


def dead_rows(
    segments: Sequence[SegmentRecord], dead: Mapping[str, NDArray[np.int64]]
) -> NDArray[np.int64]:
    """Rows within segments as rows of them all, one behind the other."""
    starts = np.cumsum([0, *(segment.rows for segment in segments)], dtype=np.int64)
    parts = [
        dead[segment.name] + start
        for segment, start in zip(segments, starts, strict=False)
        if segment.name in dead
    ]
    return np.concatenate([np.empty(0, np.int64), *parts])
