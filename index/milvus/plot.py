"""The vectors that an overview is laid out by, in memory: for boxes of a collection on a plane.

Read from Milvus when an overview is first asked for, of the space that pictures are compared in,
and kept up to date by the changes that were told since: 2 bytes a component and some 40 an item.
Raises InputError for a collection of more than MOST items.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from index.changes.delta import Changes
from index.gallery import Gallery
from index.milvus.generation import Generation
from index.milvus.notes import Journal
from index.milvus.records import Entity
from index.segments import Segment, Vectors, ids_to_rows
from index.vectors.frozen import Held
from index.vectors.neighbours import TunedIndex
from models.errors import CollectionError, InputError

MOST = 500_000


@dataclass(frozen=True)
class Unsearched:
    """In the place of an index: nobody looks for neighbours here."""

    rows: int
    takes_selector = True

    def __len__(self) -> int:
        return self.rows

    def search(self, *_: object, **__: object) -> NoReturn:
        raise CollectionError("an overview is of places, not of neighbours")


class Plot:
    """Of one generation."""

    def __init__(self, generation: Generation, journal: Journal) -> None:
        self._generation = generation
        self._journal = journal
        self._updating = threading.Lock()
        self._gallery: Gallery | None = None
        self._applied = 0  # changes

    def gallery(self) -> Gallery:
        """With all changes up to now."""
        with self._updating:
            latest = self._journal.read().changes
            if self._gallery is None:
                self._gallery = self._read()
            elif latest > self._applied:
                ids = self._journal.since(self._applied)
                self._gallery = self._changed(self._gallery, ids, latest)
            self._applied = latest
            return self._gallery

    def _read(self) -> Gallery:
        count = self._generation.count()
        if count > MOST:
            raise InputError(f"no overview of {count} items in Milvus: of {MOST} at most")
        entities = {
            entity.record.item.id: entity
            for part in self._generation.every_entity()
            for entity in part
        }
        segment = self._segment([entities[id_] for id_ in sorted(entities)])
        index = TunedIndex(Unsearched(len(segment)))
        return Gallery(1, self._generation.spaces[-1:], Held([segment], [index]))

    def _changed(self, gallery: Gallery, ids: Sequence[str], number: int) -> Gallery:
        entities = self._generation.entities(ids)
        known = gallery.rows_of(list(entities)) >= 0
        added = [e for e, held in zip(entities.values(), known.tolist(), strict=True) if not held]
        deleted = tuple(id_ for id_ in ids if id_ not in entities)
        return gallery.after(Changes(number, self._segment(added), deleted, ()))

    def _segment(self, entities: Sequence[Entity]) -> Segment:
        dimension = self._generation.spaces[-1].dimension
        units = np.array([entity.units[-1] for entity in entities], np.float16)
        norms = np.array([entity.record.norms[-1] for entity in entities], np.float32)
        ids = ids_to_rows([entity.record.item.id for entity in entities])
        return Segment(ids, (Vectors(units.reshape(-1, dimension), norms),))
