"""The last state of a collection that was of given spaces, held for when it is of others.

A read transaction on a connection of its own beside the gallery of the same state: SQLite keeps for
it what later changes replace, and the system the files that it maps, though they are removed. It is
renewed with every newer state that is read, so that little is kept. Read by one thread at a time.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from index.catalogue import SqliteCatalogue, connect, sqlite_errors
from index.gallery import Gallery
from models.errors import CollectionError
from models.space import Space, named

State = tuple[SqliteCatalogue, Gallery]


class KeptState:
    def __init__(self, file: Path, spaces: tuple[Space, ...]) -> None:
        self.spaces = spaces
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._state: State | None = None
        self._one_at_a_time = threading.Lock()

    def renew(self, gallery: Gallery) -> None:
        """Hold this state, unless the collection is in another one already."""
        with self._one_at_a_time:
            if self._state is not None and not _is_later(gallery, self._state[1]):
                return
            connection = connect(self._file)
            with sqlite_errors(self._file):
                connection.execute("BEGIN")
            catalogue = SqliteCatalogue(connection, self._file)
            header = catalogue.header()
            if (header.generation, header.change) != (gallery.generation, gallery.change):
                connection.close()
                return
            self._close()
            self._connection, self._state = connection, (catalogue, gallery)

    @contextlib.contextmanager
    def using(self) -> Iterator[State]:
        """Raises CollectionError where nothing was ever held."""
        with self._one_at_a_time:
            if self._state is None:
                raise CollectionError(
                    f"{self._file.parent}: is not of {named(self.spaces)} any more"
                )
            yield self._state

    def close(self) -> None:
        with self._one_at_a_time:
            self._close()
            self._state = None

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _is_later(gallery: Gallery, held: Gallery) -> bool:
    return (gallery.generation, gallery.change) > (held.generation, held.change)
