"""A copy of a collection, made while it is served, searched and built.

copy_collection(collection, out) -> a collection of its own, of one state: first the catalogue, in
one transaction of SQLite's, then the files that this copy names. Those are never changed; where a
job or a DELETE has removed one meanwhile, it begins again with the new catalogue and keeps what is
copied already. Every vector file is checked by its checksum. The copy's catalogue gets its name
last, so that what is not whole is no collection.

Neither waits for a job nor makes one wait. Raises InputError for a folder that is not empty,
CollectionError for a damaged or a missing file and for what cannot be written.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from index.catalogue import SqliteCatalogue, connect, reading, sqlite_errors
from index.export.place import claim_empty, make_durable, whole
from index.folder import SYNCING_THREADS, CollectionFolder, writing
from index.gallery import ID
from index.overview.layouts import LayoutRecord
from index.segments import SegmentRecord
from index.vectors.indexes import IndexRecord
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


State = tuple[int, int]  # generation, and number of the latest live change


@dataclass
class MissingError(Exception):
    """A file that a state names is not there: mostly because there is a later one."""

    file: Path
    state: State


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
            if error.state == missing_from:
                raise CollectionError(f"{error.file}: the file is missing") from error
            missing_from = error.state


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
            for prefix in PREFIXES:
                self._copy_thumbnails(catalogue, sorted(catalogue.ids_within(prefix)))
                self._copy_uploads(catalogue, sorted(catalogue.sent_within(prefix)))
            counts, generation = catalogue.counts(), catalogue.header().generation
        sync(unfinished)
        unfinished.replace(self._out.catalogue)
        sync(self._out.path)
        return Copied(generation, counts.items, self._copied)

    def _copy_vectors(self, catalogue: SqliteCatalogue) -> None:
        kinds: dict[str, Sequence[SegmentRecord | IndexRecord | LayoutRecord]]
        layout = catalogue.layout()
        kinds = {
            "segments": catalogue.segments(),
            "indexes": catalogue.indexes(),
            "layouts": [] if layout is None else [layout],
        }
        named = {record.name for records in kinds.values() for record in records}
        self._out.remove_garbage(named, lambda prefix: nullcontext(_named(catalogue, prefix)))
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
            raise MissingError(source, _state(catalogue)) from error
        if copied != checksum:
            raise CollectionError(f"{source}: damaged: its checksum is not the catalogue's")
        self._count()

    def _copy_thumbnails(self, catalogue: SqliteCatalogue, ids: Sequence[str]) -> None:
        """A collection may be without them."""
        missing = self._copy_each(CollectionFolder.thumbnail, ids)
        if missing and _current_state(self._source) != _state(catalogue):
            raise MissingError(missing[0], _state(catalogue))

    def _copy_uploads(self, catalogue: SqliteCatalogue, ids: Sequence[str]) -> None:
        missing = self._copy_each(CollectionFolder.upload, ids)
        if missing:
            raise MissingError(missing[0], _state(catalogue))

    def _copy_each(
        self, place_of: Callable[[CollectionFolder, str], Path], ids: Sequence[str]
    ) -> list[Path]:
        """The files of these items; those that are not there."""
        for id_ in ids:
            _check_name(self._source.catalogue, ID, id_)
        if not ids:
            return []
        folder = place_of(self._out, ids[0]).parent  # of one prefix
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(SYNCING_THREADS) as pool:
            missing = list(pool.map(lambda id_: self._copy_one(place_of, id_), ids))
        sync(folder)
        return [file for file in missing if file is not None]

    def _copy_one(
        self, place_of: Callable[[CollectionFolder, str], Path], item: str
    ) -> Path | None:
        """The file, if it is missing."""
        file, place = place_of(self._source, item), place_of(self._out, item)
        if not place.exists():
            try:
                _copy(file, place)
            except FileNotFoundError:
                return file
            self._count()
        return None

    def _count(self) -> None:
        with self._counting:
            self._copied += 1
            self._progress(self._copied)


def _copy_catalogue(file: Path, place: Path) -> None:
    place.unlink(missing_ok=True)
    with closing(connect(file)) as connection, sqlite_errors(place):
        connection.execute("VACUUM INTO ?", (str(place),))


def _state(catalogue: SqliteCatalogue) -> State:
    header = catalogue.header()
    return header.generation, header.change


def _current_state(folder: CollectionFolder) -> State:
    with (
        closing(connect(folder.catalogue)) as connection,
        reading(connection, folder.catalogue) as catalogue,
    ):
        return _state(catalogue)


def _named(catalogue: SqliteCatalogue, prefix: str) -> tuple[set[str], set[str]]:
    return catalogue.ids_within(prefix), catalogue.sent_within(prefix)


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
