"""A collection on disk, open for reading by many threads.

Each snapshot is one read transaction beside the gallery of the generation that it names. The
gallery is loaded once per generation and shared; the first snapshot after a job has published loads
the new one.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from index.catalogue import SqliteCatalogue, connect, reading
from index.folder import CollectionFolder
from index.gallery import Gallery
from index.items import Failure
from index.snapshot import CollectionStatistics, Snapshot
from models.errors import CollectionError, InputError

__all__ = ["Collection", "CollectionStatistics", "Failure", "Snapshot"]


class Collection:
    def __init__(self, folder: CollectionFolder, roots: Mapping[str, Path]) -> None:
        self._folder = folder
        self._roots = dict(roots)
        self._gallery: Gallery | None = None
        self._loading = threading.Lock()
        self._pooling = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    @classmethod
    def open(cls, path: Path, roots: Mapping[str, Path] | None = None) -> "Collection":
        """`roots` says where named sources lie for this process.

        Raises CollectionError for a folder without a collection that this Pictor can read whole,
        and InputError for a root that it does not have.
        """
        collection = cls(CollectionFolder(path.absolute()), roots or {})
        with collection.snapshot() as snapshot:
            known = snapshot.recorded_roots()
        unknown = set(collection._roots) - set(known)
        if unknown:
            collection.close()
            raise InputError(
                f"{path}: has no source {sorted(unknown)[0]!r}; its sources: {', '.join(known)}"
            )
        return collection

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with contextlib.ExitStack() as held:
            catalogue, gallery = self._see(held)
            yield Snapshot(self._folder, catalogue, gallery, self._roots)

    def close(self) -> None:
        """Snapshots in use stay good until they are left."""
        with self._pooling:
            self._closed = True
            while self._idle:
                self._idle.pop().close()

    def _see(self, held: contextlib.ExitStack) -> tuple[SqliteCatalogue, Gallery]:
        """A transaction and its gallery; begun again when a job publishes in between."""
        missing_from = None
        while True:
            with contextlib.ExitStack() as trying:
                connection = trying.enter_context(self._connection())
                file = self._folder.catalogue
                catalogue = trying.enter_context(reading(connection, file))
                generation = catalogue.header().generation
                try:
                    gallery = self._gallery_of(generation, catalogue)
                except FileNotFoundError as error:
                    if missing_from == generation:
                        raise CollectionError(f"{error.filename}: the file is missing") from error
                    missing_from = generation
                    continue
                if gallery is not None:
                    held.push(trying.pop_all())
                    return catalogue, gallery

    def _gallery_of(self, generation: int, catalogue: SqliteCatalogue) -> Gallery | None:
        """None where another thread has loaded a later generation meanwhile."""
        with self._loading:
            if self._gallery is None or self._gallery.generation < generation:
                self._gallery = Gallery.load(self._folder, catalogue)
            return self._gallery if self._gallery.generation == generation else None

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """An idle connection or a new one; idle again afterwards."""
        with self._pooling:
            if self._closed:
                raise CollectionError(f"{self._folder.path}: this collection was closed")
            connection = self._idle.pop() if self._idle else None
        connection = connection or connect(self._folder.catalogue)
        try:
            yield connection
        finally:
            with self._pooling:
                if self._closed:
                    connection.close()
                else:
                    self._idle.append(connection)
