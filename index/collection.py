"""A collection on disk, open for reading by many threads.

Each snapshot is one read transaction beside the gallery of what it sees: a generation, and the
changes since. A generation is loaded once and shared; the first snapshot after a job has published
loads the new one, and the first after a live change adds that to what is there.

A collection that is kept to spaces goes on giving the last state that was of them once a job has
published others, so that whoever can only ask in these spaces is answered until he has another
model: from one state, and never from vectors of another model.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from index.catalogue import Header, SqliteCatalogue, connect, reading
from index.changes.adding import WAIT_S, LiveChanges
from index.changes.delta import changes_since
from index.folder import CollectionFolder
from index.gallery import Gallery
from index.items import Failure
from index.kept_key import kept_key
from index.kept_state import KeptState, State
from index.snapshot import CollectionStatistics, Snapshot
from models.errors import CollectionError, InputError
from models.space import Space

__all__ = ["Collection", "CollectionStatistics", "Failure", "Snapshot"]


class Collection:
    def __init__(self, folder: CollectionFolder, roots: Mapping[str, Path]) -> None:
        self._folder = folder
        self._roots = dict(roots)
        self._gallery: Gallery | None = None
        self._kept: KeptState | None = None
        self._loading = threading.Lock()
        self._pooling = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._place: tuple[int, int] | None = None  # of the catalogue: device and inode

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

    def keep_to(self, spaces: tuple[Space, ...]) -> None:
        """From now on give snapshots of these spaces alone, which it has to be of now."""
        self._kept = KeptState(self._folder.catalogue, spaces)
        with self.snapshot():
            pass

    @property
    def files(self) -> Path:
        """The folder, where keys are, and what was sent to be added."""
        return self._folder.path

    def changes(
        self, wait_s: float = WAIT_S, spaces: tuple[Space, ...] | None = None
    ) -> LiveChanges:
        """Of this collection while it is of these spaces; each waits so long for others."""
        return LiveChanges(self._folder, wait_s, spaces)

    def kept_key(self, name: str) -> bytes:
        return kept_key(self._folder.path, name)

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
        if self._kept is not None:
            self._kept.close()

    def _see(self, held: contextlib.ExitStack) -> State:
        """A transaction and its gallery; begun again when a job publishes in between."""
        missing_from = None
        while True:
            with contextlib.ExitStack() as trying:
                connection = trying.enter_context(self._connection())
                file = self._folder.catalogue
                catalogue = trying.enter_context(reading(connection, file))
                header = catalogue.header()
                if self._kept is not None and header.spaces != self._kept.spaces:
                    break
                try:
                    gallery = self._gallery_of(header, catalogue)
                except FileNotFoundError as error:
                    if missing_from == header.generation:
                        raise CollectionError(f"{error.filename}: the file is missing") from error
                    missing_from = header.generation
                    continue
                if gallery is not None:
                    if self._kept is not None:
                        self._kept.renew(gallery)
                    held.push(trying.pop_all())
                    return catalogue, gallery
        return held.enter_context(self._kept.using())

    def _gallery_of(self, header: Header, catalogue: SqliteCatalogue) -> Gallery | None:
        """None where another thread has loaded a later state meanwhile."""
        wanted = (header.generation, header.change)
        with self._loading:
            held = self._gallery
            if held is None or held.generation < header.generation:
                held = Gallery.load(self._folder, catalogue)
            elif (held.generation, held.change) < wanted:
                held = held.after(
                    changes_since(catalogue, held.change, header.change, header.spaces)
                )
            self._gallery = held
            return held if (held.generation, held.change) == wanted else None

    def _check_place(self) -> None:
        """The open files outlive their names: a collection that is not in its place any more is
        not answered from, and neither is another one that took the place."""
        file = self._folder.catalogue
        try:
            found = file.stat()
        except OSError as error:
            if self._place is None:
                return  # `connect` says what there is instead
            raise CollectionError(f"{file}: is not there any more: {error.strerror}") from error
        place = (found.st_dev, found.st_ino)
        if self._place not in (None, place):
            raise CollectionError(f"{file}: another collection has taken its place since")
        self._place = place

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """An idle connection or a new one; idle again afterwards."""
        self._check_place()
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
