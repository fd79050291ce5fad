"""Vectors made elsewhere, in another file system: read some thousand rows a request."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from index.found import Root
from index.sourcing.pictures import FolderPictures, Pictures
from index.sourcing.remote.store import Listing, RemoteFile, listed
from index.sourcing.remote.tables import RemotePictures
from index.sourcing.table_source import TableColumns
from index.sourcing.vectors import (
    METADATA,
    ROWS,
    TABLE,
    VECTORS,
    Pair,
    VectorSource,
    open_pairs,
    paired,
)
from models.errors import InputError


def holds_remote_vectors(files: Any, folder: str, inside: Listing) -> bool:  # noqa: ANN401
    """A folder in which that is; raises OSError."""
    return bool(_files(files, folder, inside, VECTORS, ROWS))


def open_remote_vectors(
    name: str,
    files: Any,  # noqa: ANN401 - an fsspec file system
    folder: str,
    columns: TableColumns,
    pictures: Root | None,
) -> VectorSource:
    """Paths of pictures lead into a folder on disk, or else into the vectors' own."""
    looked_at: Callable[[], Pictures] = partial(RemotePictures, files, folder)
    if pictures is not None:
        looked_at = partial(FolderPictures, pictures.path)

    def pairs() -> Sequence[Pair]:
        try:
            inside = listed(files, folder)
            vectors = _files(files, folder, inside, VECTORS, ROWS)
            return paired(folder, vectors, _files(files, folder, inside, METADATA, TABLE))
        except OSError as error:
            raise InputError(f"{folder}: cannot be listed: {error.strerror}") from error

    return open_pairs(name, pictures, looked_at, pairs, columns)


def _files(
    files: Any,  # noqa: ANN401 - an fsspec file system
    folder: str,
    inside: Listing,
    kind: str,
    suffix: str,
) -> list[RemoteFile]:
    """In a folder of that kind, or beside others by their names."""
    if f"{folder}/{kind}/" in inside:
        inside = listed(files, f"{folder}/{kind}")
        named = [place for place in inside if place.endswith(suffix)]
    else:
        named = [place for place in inside if _named(place, f"{kind}_*{suffix}")]
    return [RemoteFile(files, place, inside[place].get("size")) for place in named]


def _named(place: str, pattern: str) -> bool:
    return fnmatchcase(place.rpartition("/")[2], pattern)
