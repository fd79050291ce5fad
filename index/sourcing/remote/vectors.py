"""Vectors made elsewhere, in another file system: read some thousand rows a request."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from index.found import Root
from index.sourcing.pictures import FolderPictures, Pictures
from index.sourcing.remote.store import RemoteFile, listed
from index.sourcing.remote.tables import pictures_now
from index.sourcing.table_source import TableColumns
from index.sourcing.vectors import METADATA, ROWS, TABLE, VECTORS, VectorSource, paired


def holds_remote_vectors(files: Any, folder: str) -> bool:  # noqa: ANN401
    return bool(_files(files, folder, VECTORS, ROWS))


def open_remote_vectors(
    name: str,
    files: Any,  # noqa: ANN401 - an fsspec file system
    folder: str,
    columns: TableColumns,
    pictures: Root | None,
) -> VectorSource:
    """Paths of pictures lead into a folder on disk, or else into the vectors' own."""
    looked_at: Callable[[], Pictures] = partial(pictures_now, files, folder)
    if pictures is not None:
        looked_at = partial(FolderPictures, pictures.path)
    vectors = _files(files, folder, VECTORS, ROWS)
    parts = paired(folder, vectors, _files(files, folder, METADATA, TABLE))
    return VectorSource(name, pictures, looked_at, parts, columns)


def _files(files: Any, folder: str, kind: str, suffix: str) -> list[RemoteFile]:  # noqa: ANN401
    """In a folder of that kind, or beside others by their names."""
    inside = listed(files, folder)
    if f"{folder}/{kind}" in inside:
        named = [place for place in listed(files, f"{folder}/{kind}") if place.endswith(suffix)]
    else:
        named = [place for place in inside if fnmatchcase(place, f"{folder}/{kind}_*{suffix}")]
    return [RemoteFile(files, place) for place in named]
