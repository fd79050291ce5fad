"""Catalogues of given facts, in memory, without pictures; and the galleries beside them."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from index.folder import CollectionFolder
from index.gallery import Gallery
from index.items import Item, Occurrence
from index.migrations import migrate
from index.snapshot import Snapshot
from tests.index.galleries import NoCatalogue, numbered, snapshot_of


@dataclass
class Counted(NoCatalogue):
    """A catalogue of which only facts are asked, and that remembers the statements."""

    connection: sqlite3.Connection
    asked: list[str] = field(default_factory=list)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        self.asked.append(statement)
        yield from self.connection.execute(statement, tuple(values))


def item(number: int, *occurrences: Occurrence, **facts: Any) -> Item:  # noqa: ANN401
    """The item of that number, a small PNG unless its facts say otherwise."""
    known = {"bytes": 100, "width": 32, "height": 24, "format": "PNG", **facts}
    return Item(numbered(number + 1)[number], occurrences=occurrences, **known)


def at(
    path: str, caption: str | None = None, /, source: str = "trip", **metadata: str | int | float
) -> Occurrence:
    return Occurrence(source, path, caption, {**metadata})


def catalogue_of(items: Iterable[Item]) -> Counted:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("BEGIN")
    migrate(connection)
    for each in items:
        facts = {
            name: getattr(each, name) for name in Item.__dataclass_fields__ if name != "occurrences"
        }
        marks = ", ".join("?" * len(facts))
        connection.execute(
            f"INSERT INTO items ({', '.join(facts)}) VALUES ({marks})", tuple(facts.values())
        )
        for place in each.occurrences:
            connection.execute(
                "INSERT INTO occurrences (source, path, item_id, caption, metadata)"
                " VALUES (?, ?, ?, ?, ?)",
                (place.source, place.path, each.id, place.caption, json.dumps(place.metadata)),
            )
    connection.execute("COMMIT")
    return Counted(connection)


def gallery_of(items: Sequence[Item]) -> Gallery:
    """Its rows in an order of their own, in several segments."""
    shuffled = np.random.default_rng(len(items)).permutation(len(items))
    ids = [items[number].id for number in shuffled]
    return snapshot_of(np.ones((len(items), 2)), ids, rows_a_segment=7).gallery


def snapshot_with(items: Sequence[Item], vectors: ArrayLike) -> Snapshot:
    """A vector an item, and all that may be filtered by or found by words."""
    gallery = snapshot_of(vectors, [each.id for each in items], rows_a_segment=7).gallery
    return Snapshot(CollectionFolder(Path("nowhere")), catalogue_of(items), gallery, {})
