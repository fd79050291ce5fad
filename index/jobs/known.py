"""What need not be made again: by the collection, by a job that was killed, or by this one."""

import threading
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from index.folder import CollectionFolder
from index.found import FoundImage
from index.jobs.journal import Journal
from index.jobs.previous import Previous

KEY_HEX = 16


def key_of(item: str) -> int:
    """The first 8 bytes of an id, which tell millions of items apart, if not for certain."""
    return int(item[:KEY_HEX], 16)


@dataclass(frozen=True)
class Lacks:
    """What a content is still without."""

    vector: bool
    thumbnail: bool

    def __bool__(self) -> bool:
        return self.vector or self.thumbnail


class Known:
    def __init__(
        self, folder: CollectionFolder, previous: Previous, journal: Journal, *, thumbnails: bool
    ) -> None:
        self._folder = folder
        self._previous = previous
        self._journal = journal
        self._thumbnails = thumbnails  # whether this job makes any
        self._taken: set[str] = set()  # on their way to the journal
        self._taking = threading.Lock()

    def item_at(self, found: FoundImage) -> str | None:
        """The item of a file that need not be read: its stamp is known, and nothing is missing."""
        if found.stamp is None:
            return None
        item = self._journal.reading(found) or self._previous.item_at(found)
        return item if item is not None and not self._lacks(item) else None

    def take(self, item: str) -> Lacks:
        """What is missing of a content; whoever asks first is to make it."""
        with self._taking:
            if item in self._taken or self._journal.holds(item):
                return Lacks(vector=False, thumbnail=False)
            lacks = self._lacks(item)
            if lacks:
                self._taken.add(item)
            return lacks

    def keys(self) -> NDArray[np.uint64]:
        """(n,), rising: of the contents that have a vector already, or are to stay away, so that a
        distant worker need not make one; `take` has the last word."""
        ids = chain(self._previous.item_ids(), self._journal.item_ids())
        return np.unique(np.fromiter(map(key_of, ids), np.uint64))

    def settle(self, item: str) -> None:
        """The journal has it now."""
        with self._taking:
            self._taken.discard(item)

    def _lacks(self, item: str) -> Lacks:
        if self._previous.deleted(item):
            return Lacks(vector=False, thumbnail=False)
        vector = not self._journal.holds(item) and not self._previous.embedded(item)
        thumbnail = self._thumbnails and not self._folder.has_thumbnail(item)
        return Lacks(vector, thumbnail)
