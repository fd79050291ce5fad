"""The collection's folder: which file lies where, and how a file gets there.

    catalogue.sqlite          the source of truth; names every other file
    segments/<hash>           vectors
    indexes/<hash>            FAISS
    thumbnails/ab/<id>.webp
    .pictor-staging/          what a job has written and not published yet; mirrors the folder
      journal.sqlite, parts/  what it has finished, which the next job goes on from
    .pictor-lock              held by the one job that runs

A file that the catalogue does not name is garbage; a file that it names is never changed.
"""

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from models.errors import CollectionError
from models.files import sync

CATALOGUE = "catalogue.sqlite"
LOCK = ".pictor-lock"
STAGING = ".pictor-staging"
SYNCING_THREADS = 16
VECTOR_FOLDERS = ("segments", "indexes")


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
    def thumbnails(self) -> Path:
        return self.path / "thumbnails"

    @property
    def journal(self) -> Path:
        return self.path / "journal.sqlite"

    @property
    def parts(self) -> Path:
        return self.path / "parts"

    def thumbnail(self, item: str) -> Path:
        return self.thumbnails / item[:2] / thumbnail_name(item)

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
            for unfinished in (staging.segments, staging.indexes, staging.thumbnails):
                shutil.rmtree(unfinished, ignore_errors=True)
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

    def remove_garbage(
        self, vectors: AbstractSet[str], items_within: Callable[[str], AbstractSet[str]]
    ) -> None:
        """Remove the files, among those that only a catalogue can name, that it does not name.

        `items_within(prefix)` are the ids that begin with it.
        """
        for kind in VECTOR_FOLDERS:
            _remove_others(self.path / kind, vectors)
        with contextlib.suppress(OSError):
            for folder in sorted(self.thumbnails.iterdir()):
                named = {thumbnail_name(id_) for id_ in items_within(folder.name)}
                _remove_others(folder, named)


def _remove_others(folder: Path, named: AbstractSet[str]) -> None:
    # what cannot be removed now is garbage for the next build
    with contextlib.suppress(OSError):
        for file in sorted(folder.iterdir()):
            if file.name not in named and file.is_file():
                file.unlink()


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
