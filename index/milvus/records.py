"""An item and its vectors, as a row of Milvus's.

The item stands in the row whole, as JSON, beside the columns that are searched by: what is read is
what was written. JSON that is longer than Milvus takes is cut into parts, which are notes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.catalogue import ITEM_FIELDS
from index.items import Item, Occurrence
from index.milvus.forms import Column, Row
from index.milvus.terms import NAMES, POSITIONS, TEXT_BYTES, terms_of
from models.space import Space
from models.vectors import Vector

ID_BYTES = 32
RECORD_BYTES = 60_000  # Milvus takes 65,535
SAID = ("id", "record", "parts", "live")  # what an item is read from

Unit = NDArray[np.float16]  # (dim,)


@dataclass(frozen=True)
class Record:
    item: Item
    added_at: str  # ISO 8601, UTC
    norms: tuple[float, ...]  # one a space
    is_live: bool = False  # added or changed in Milvus, and not known to a folder

    def having(self, occurrences: Sequence[Occurrence]) -> "Record":
        """Changed in Milvus."""
        in_order = sorted(occurrences, key=lambda at: (at.source, at.path))
        return replace(self, item=replace(self.item, occurrences=tuple(in_order)), is_live=True)


@dataclass(frozen=True, eq=False)
class Entity:
    """A record with its vectors, one a space."""

    record: Record
    units: tuple[Unit, ...]

    def embedding(self, position: int) -> Vector:
        """(dim,) float32, unscaled."""
        norm = np.float32(self.record.norms[position])
        embedding: Vector = self.units[position].astype(np.float32) * norm
        return embedding


def columns_of(spaces: Sequence[Space]) -> list[Column]:
    return [
        Column("id", "key", ID_BYTES),
        *(
            Column(name, "vector", s.dimension)
            for name, s in zip(vectors(spaces), spaces, strict=True)
        ),
        *(Column(name, "texts", TEXT_BYTES, POSITIONS) for name in ("sources", "paths")),
        Column("captions", "texts", TEXT_BYTES, POSITIONS),
        *(Column(name, "text", TEXT_BYTES) for name in ("taken_at", "added_at", "camera")),
        Column("format", "text", TEXT_BYTES),
        *(Column(name, "whole") for name in ("width", "height", "bytes", "parts")),
        *(Column(name, "real") for name in ("latitude", "longitude")),
        *(Column(name, "flag") for name in ("has_latitude", "has_longitude", "partial", "live")),
        Column("names", "texts", 600, min(NAMES, 4_096)),
        Column("facts", "json"),
        Column("record", "text", 65_535),
    ]


def vectors(spaces: Sequence[Space]) -> list[str]:
    """The columns of vectors, one a space."""
    return [f"v{position}" for position in range(len(spaces))]


@dataclass(frozen=True)
class Packed:
    row: Row
    parts: tuple[str, ...]  # of a record that the row is too narrow for
    widest: dict[str, int]


def packed(entity: Entity) -> Packed:
    record = entity.record
    terms = terms_of(record.item, record.added_at)
    parts = _parts(_text_of(record))
    row: Row = {
        "id": record.item.id,
        **{f"v{position}": unit for position, unit in enumerate(entity.units)},
        **terms.columns,
        "live": record.is_live,
        "record": parts[0] if len(parts) == 1 else "",
        "parts": 0 if len(parts) == 1 else len(parts),
    }
    return Packed(row, tuple(parts if len(parts) > 1 else ()), terms.widest)


def _text_of(record: Record) -> str:
    item = record.item
    content: dict[str, Any] = {name: getattr(item, name) for name in ITEM_FIELDS}
    content["added_at"] = record.added_at
    content["norms"] = record.norms
    content["occurrences"] = [[o.source, o.path, o.caption, o.metadata] for o in item.occurrences]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _parts(text: str) -> list[str]:
    if len(text.encode()) <= RECORD_BYTES:
        return [text]
    size = RECORD_BYTES // 4  # characters, of at most 4 bytes
    return [text[first : first + size] for first in range(0, len(text), size)]


def record_of(row: Row, parts: Mapping[str, str]) -> Record:
    """`parts` are the records of rows that are too narrow, by their ids."""
    content = json.loads(row["record"] or parts[row["id"]])
    occurrences = tuple(Occurrence(*each) for each in content.pop("occurrences"))
    added_at, norms = content.pop("added_at"), tuple(content.pop("norms"))
    return Record(Item(**content, occurrences=occurrences), added_at, norms, bool(row["live"]))
