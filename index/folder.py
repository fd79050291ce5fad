"""The collection's folder: which file lies where, and how a file gets there.

    catalogue.sqlite          the source of truth; names every other file
    segments/<hash>           vectors
    indexes/<hash>            FAISS
    layouts/<hash>            where items lie in the overview
    thumbnails/ab/<id>.webp
    uploads/ab/<id>           what was sent while it was served
    .pictor-staging/          what a job has written and not published yet; mirrors the folder
      journal.sqlite, parts/  what it has finished, which the next job goes on from
    .pictor-lock              held by the one job that runs

A file that the catalogue does not name is garbage; a file that it names is never changed.
"""

import contextlib
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from index.items import upload_path
from models.errors import CollectionError
from models.files import sync

CATALOGUE = "catalogue.sqlite"
LOCK = ".pictor-lock"
STAGING = ".pictor-staging"
SYNCING_THREADS = 16
VECTOR_FOLDERS = ("segments", "indexes", "layouts")
UNFINISHED = ".tmp"
ABANDONED_S = 3600  # what has been unfinished for so long is nobody's


Holding = Callable[[str], AbstractContextManager[tuple[AbstractSet[str], AbstractSet[str]]]]


@dataclass(frozen=True)
class CollectionFolder:
    path: Path

    @property
    def catalogue(self) -> Path:
        return self.path / CATALOGUE

    @property
    def lock(self) -> Path:
        return self.path / LOCK

    @property
    def staging(self) -> "CollectionFolder":
        return CollectionFolder(self.path / STAGING)

    @property
    def segments(self) -> Path:
        return self.path / "segments"

    @property
    def indexes(self) -> Path:
        return self.path / "indexes"

    @property
    def layouts(self) -> Path:
        return self.path / "layouts"

    @property
    def thumbnails(self) -> Path:
        return self.path / "thumbnails"

    @property
    def uploads(self) -> Path:
        return self.path / "uploads"

    @property
    def journal(self) -> Path:
        return self.path / "journal.sqlite"

    @property
    def parts(self) -> Path:
        return self.path / "parts"

    def thumbnail(self, item: str) -> Path:
        return self.thumbnails / item[:2] / thumbnail_name(item)

    def upload(self, item: str) -> Path:
        return self.uploads / upload_path(item)

    def has_thumbnail(self, item: str) -> bool:
        return self.thumbnail(item).is_file() or self.staging.thumbnail(item).is_file()

    def claim(self) -> None:
        """Make the folder, or see that it is ours; raises CollectionError for anybody else's."""
        with writing(self.path):
            if self.path.exists() and not self.path.is_dir():
                raise CollectionError(
                    f"{self.path}: a file is in the way of the collection's folder"
                )
            ours = self.catalogue.exists() or self.lock.exists()
            if self.path.is_dir() and not ours and any(self.path.iterdir()):
                raise CollectionError(
                    f"{self.path}: this folder is neither empty nor a collection; "
                    "nothing was touched"
                )
            self.path.mkdir(parents=True, exist_ok=True)

    def prepare_staging(self) -> "CollectionFolder":
        """The staging folder, with what a killed job has finished and nothing that it has not."""
        staging = self.staging
        with writing(staging.path):
            for unfinished in (*VECTOR_FOLDERS, "thumbnails"):
                shutil.rmtree(staging.path / unfinished, ignore_errors=True)
            for needed in (staging.segments, staging.indexes, staging.parts):
                needed.mkdir(parents=True, exist_ok=True)
        return staging

    def clear_staging(self) -> None:
        shutil.rmtree(self.staging.path, ignore_errors=True)

    def stage_thumbnail(self, item: str, data: bytes) -> None:
        file = self.staging.thumbnail(item)
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)

    def adopt(self, *kinds: str) -> None:
        """Move staged files of these kinds to the same place in the folder; durable when it
        returns."""
        staging, changed = self.staging.path, {self.path}
        # side by side, since a file system flushes many files at little more than the cost of one
        with writing(self.path), ThreadPoolExecutor(SYNCING_THREADS) as pool:
            staged = [f for kind in kinds for f in (staging / kind).rglob("*") if f.is_file()]
            list(pool.map(sync, staged))
            for file in staged:
                place = self.path / file.relative_to(staging)
                place.parent.mkdir(parents=True, exist_ok=True)
                file.replace(place)
                changed.update((place.parent, place.parent.parent))
            list(pool.map(sync, changed))

    def remove_garbage(self, vectors: AbstractSet[str], holding: Holding) -> None:
        """Remove the files, among those that only a catalogue can name, that it does not name.

        Within `holding(prefix)` no ids that begin with it come or go; it gives those that are there
        and, of them, those that were sent.
        """
        for kind in VECTOR_FOLDERS:
            _remove_others(self.path / kind, vectors)
        for prefix in sorted({*_names(self.thumbnails), *_names(self.uploads)}):
            with holding(prefix) as (ids, sent):
                _remove_others(self.thumbnails / prefix, {thumbnail_name(id_) for id_ in ids})
                _remove_others(self.uploads / prefix, sent)


def _names(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir()]
    except OSError:
        return []  # there may be none of its kind


def _remove_others(folder: Path, named: AbstractSet[str]) -> None:
    # what cannot be removed now is garbage for the next build
    with contextlib.suppress(OSError):
        for file in sorted(folder.iterdir()):
            if file.name not in named and file.is_file() and not _is_being_written(file):
                file.unlink()


def _is_being_written(file: Path) -> bool:
    return file.suffix == UNFINISHED and time.time() - file.stat().st_mtime < ABANDONED_S


def is_collection(path: Path) -> bool:
    return (path / CATALOGUE).is_file() and (path / "segments").is_dir()


def thumbnail_name(item: str) -> str:
    return f"{item}.webp"


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """What keeps a collection from being written (a full disk, no permission), in our tree."""
    try:
        yield
    except OSError as error:
        raise CollectionError(f"{path}: cannot be written: {error.strerror}") from error


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
