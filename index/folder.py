"""The collection's folder: which file lies where, and how a file gets there.

    catalogue.sqlite          the source of truth; names every other file
    segments/<hash>           vectors
    indexes/<hash>            FAISS
    thumbnails/ab/<id>.webp
    .pictor-staging/          what a running job has written; mirrors the folder
    .pictor-lock              held by the one job that runs

A file that the catalogue does not name is garbage; a file that it names is never changed.
"""

import contextlib
import hashlib
import shutil
from collections.abc import Iterator
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
KEPT_FOLDERS = ("segments", "indexes", "thumbnails")


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

    def thumbnail(self, item: str) -> Path:
        return self.path / "thumbnails" / item[:2] / thumbnail_name(item)

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

    @contextlib.contextmanager
    def staged(self) -> Iterator["CollectionFolder"]:
        """An empty staging folder, gone afterwards; whatever a killed job left there goes first."""
        with writing(self.staging.path):
            shutil.rmtree(self.staging.path, ignore_errors=True)
            self.staging.segments.mkdir(parents=True)
            self.staging.indexes.mkdir()
        try:
            yield self.staging
        finally:
            shutil.rmtree(self.staging.path, ignore_errors=True)

    def stage_thumbnail(self, item: str, data: bytes) -> None:
        file = self.staging.thumbnail(item)
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)

    def adopt_staged(self) -> None:
        """Move every staged file to the same place in the folder; durable when it returns."""
        staging, changed = self.staging.path, {self.path}
        # side by side, since a file system flushes many files at little more than the cost of one
        with writing(self.path), ThreadPoolExecutor(SYNCING_THREADS) as pool:
            staged = [file for file in staging.rglob("*") if file.is_file()]
            list(pool.map(sync, staged))
            for file in staged:
                place = self.path / file.relative_to(staging)
                place.parent.mkdir(parents=True, exist_ok=True)
                file.replace(place)
                changed.update((place.parent, place.parent.parent))
            list(pool.map(sync, changed))

    def remove_garbage(self, named: AbstractSet[str]) -> None:
        """Remove the files, among those that only a catalogue can name, that it does not name."""
        for kept in KEPT_FOLDERS:
            for file in (self.path / kept).rglob("*"):
                if file.name not in named and file.is_file():
                    # what cannot be removed now is garbage for the next build
                    with contextlib.suppress(OSError):
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
