"""A copy of a collection, made while it is served, searched and built.

copy_collection(collection, out) -> a collection of its own, of one generation: first the catalogue,
in one transaction of SQLite's, then the files that this copy names. Those are never changed; where
a job has published meanwhile and removed one, it begins again with the new catalogue and keeps what
is copied already. Every vector file is checked by its checksum. The copy's catalogue gets its name
last, so that what is not whole is no collection.

Neither waits for a job nor makes one wait. Raises InputError for a folder that is not empty,
CollectionError for a damaged or a missing file and for what cannot be written.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from index.catalogue import SqliteCatalogue, connect, reading, sqlite_errors
from index.export_place import claim_empty, make_durable, whole
from index.folder import SYNCING_THREADS, CollectionFolder, writing
from index.gallery import ID
from index.indexes import IndexRecord
from index.segments import SegmentRecord
from models.errors import CollectionError
from models.files import sync

BLOCK_BYTES = 2**20
PREFIXES = [f"{number:02x}" for number in range(256)]  # of ids
NAME = re.compile(r"[0-9a-f]{32}\.[a-z]+")


@dataclass(frozen=True)
class Copied:
    generation: int
    items: int
    files: int  # beside the catalogue


@dataclass
class MissingError(Exception):
    """A file that a generation names is not there: mostly because there is a later one."""

    file: Path
    generation: int


def copy_collection(
    collection: Path, out: Path, progress: Callable[[int], None] = lambda files: None
) -> Copied:
    """`progress` is told how many files have been copied."""
    folder = CollectionFolder(collection.absolute())
    connect(folder.catalogue).close()  # or it is none, and nothing is made
    claim_empty(out)
    copy, missing_from = _Copy(folder, CollectionFolder(out.absolute()), progress), None
    while True:
        try:
            return copy.attempt()
        except MissingError as error:
            if error.generation == missing_from:
                raise CollectionError(f"{error.file}: the file is missing") from error
            missing_from = error.generation


class _Copy:
    def __init__(
        self, source: CollectionFolder, out: CollectionFolder, progress: Callable[[int], None]
    ) -> None:
        self._source = source
        self._out = out
        self._progress = progress
        self._copied = 0
        self._counting = threading.Lock()
        self._sound: set[str] = set()  # vector files that are copied

    def attempt(self) -> Copied:
        unfinished = self._out.path / f"{self._out.catalogue.name}.tmp"
        _copy_catalogue(self._source.catalogue, unfinished)
        with (
            closing(connect(unfinished)) as connection,
            reading(connection, unfinished) as catalogue,
        ):
            self._copy_vectors(catalogue)
            self._copy_thumbnails(catalogue)
            counts, generation = catalogue.counts(), catalogue.header().generation
        sync(unfinished)
        unfinished.replace(self._out.catalogue)
        sync(self._out.path)
        return Copied(generation, counts.items, self._copied)

    def _copy_vectors(self, catalogue: SqliteCatalogue) -> None:
        kinds: dict[str, Sequence[SegmentRecord | IndexRecord]]
        kinds = {"segments": catalogue.segments(), "indexes": catalogue.indexes()}
        named = {record.name for records in kinds.values() for record in records}
        self._out.remove_garbage(named, catalogue.ids_within)
        for kind, records in kinds.items():
            place = self._out.path / kind
            with writing(place):
                place.mkdir(exist_ok=True)
            for record in records:
                _check_name(self._source.catalogue, NAME, record.name)
                if record.name not in self._sound:
                    self._copy_vector_file(Path(kind, record.name), record.checksum, catalogue)
                    self._sound.add(record.name)
            sync(place)

    def _copy_vector_file(self, file: Path, checksum: str, catalogue: SqliteCatalogue) -> None:
        source = self._source.path / file
        try:
            copied = _copy(source, self._out.path / file)
        except FileNotFoundError as error:
            raise MissingError(source, catalogue.header().generation) from error
        if copied != checksum:
            raise CollectionError(f"{source}: damaged: its checksum is not the catalogue's")
        self._count()

    def _copy_thumbnails(self, catalogue: SqliteCatalogue) -> None:
        """A collection may be without them."""
        are_all_there = True
        with ThreadPoolExecutor(SYNCING_THREADS) as pool:
            for prefix in PREFIXES:
                ids = sorted(catalogue.ids_within(prefix))
                for id_ in ids:
                    _check_name(self._source.catalogue, ID, id_)
                if ids:
                    folder = self._out.thumbnails / prefix
                    with writing(folder):
                        folder.mkdir(parents=True, exist_ok=True)
                    are_all_there &= all(list(pool.map(self._copy_thumbnail, ids)))
                    sync(folder)
        generation = catalogue.header().generation
        if not are_all_there and _generation(self._source) != generation:
            raise MissingError(self._source.thumbnails, generation)

    def _copy_thumbnail(self, item: str) -> bool:
        """Whether it is there."""
        place = self._out.thumbnail(item)
        if not place.exists():
            try:
                _copy(self._source.thumbnail(item), place)
            except FileNotFoundError:
                return False
            self._count()
        return True

    def _count(self) -> None:
        with self._counting:
            self._copied += 1
            self._progress(self._copied)


def _copy_catalogue(file: Path, place: Path) -> None:
    place.unlink(missing_ok=True)
    with closing(connect(file)) as connection, sqlite_errors(place):
        connection.execute("VACUUM INTO ?", (str(place),))


def _generation(folder: CollectionFolder) -> int:
    with (
        closing(connect(folder.catalogue)) as connection,
        reading(connection, folder.catalogue) as catalogue,
    ):
        return catalogue.header().generation


def _check_name(catalogue: Path, expected: re.Pattern[str], name: str) -> None:
    """Nothing is written outside the copy, whatever a catalogue says."""
    if not expected.fullmatch(name):
        raise CollectionError(f"{catalogue}: names {name!r}, which is no file of a collection")


def _copy(file: Path, place: Path) -> str:
    """Durable, but for the folder's entry; the SHA-256 of what was copied, in hex."""
    digest = hashlib.sha256()
    with file.open("rb") as opened, whole(place) as stream:
        while block := _read(opened, file):
            digest.update(block)
            stream.write(block)
        make_durable(stream)
    return digest.hexdigest()


def _read(opened: BinaryIO, file: Path) -> bytes:
    try:
        return opened.read(BLOCK_BYTES)
    except OSError as error:
        raise CollectionError(f"{file}: cannot be read: {error.strerror}") from error
