"""What an address in another file system is: open_remote(name, address) -> its source.

By its name a pattern of shards, a .tar, a .zip or a table, else a folder: of vectors, of shards
where it has nothing else, or of pictures, as on disk. Without a name, a source has that of its
folder, or of its file without what it ends in. Raises InputError for what is not there.
"""

from pathlib import PurePosixPath
from typing import Any

from index.found import Root
from index.sourcing.kinds import SHARDS, are_shards, other_kind
from index.sourcing.lookup import TAR, ZIP
from index.sourcing.options import SourceOptions
from index.sourcing.patterns import is_pattern
from index.sourcing.remote.folder import RemoteSource
from index.sourcing.remote.shards import RemoteShardSource
from index.sourcing.remote.store import RemoteFile, connected, facts_of, is_folder, listed
from index.sourcing.remote.tables import RemoteTableSource
from index.sourcing.remote.vectors import holds_remote_vectors, open_remote_vectors
from index.sourcing.remote.zips import RemoteZipSource
from index.sourcing.tables import TABLES
from index.sourcing.vectors import VectorSource
from models.errors import InputError

RemoteImages = RemoteSource | RemoteShardSource | RemoteZipSource | RemoteTableSource


def open_remote(
    name: str | None, address: str, options: SourceOptions
) -> RemoteImages | VectorSource:
    files, place = connected(address)
    last = PurePosixPath(place)
    try:
        if is_folder(files, place):
            return _open_folder(name or last.name, files, place, options)
        facts_of(files, place)
    except OSError as error:
        # a name that is there may look like one
        if isinstance(error, FileNotFoundError) and is_pattern(last.name):
            return RemoteShardSource(name or last.parent.name, files, str(last.parent), last.name)
        raise InputError(f"{place}: cannot be opened: {error.strerror}") from error
    return _open_file(name or last.stem, RemoteFile(files, place), options)


def _open_folder(
    name: str,
    files: Any,  # noqa: ANN401 - an fsspec file system
    folder: str,
    options: SourceOptions,
) -> RemoteImages | VectorSource:
    inside = listed(files, folder)
    if holds_remote_vectors(files, folder, inside):
        pictures = Root(name, options.pictures.resolve()) if options.pictures else None
        return open_remote_vectors(name, files, folder, options.columns, pictures)
    names = [place.removeprefix(f"{folder}/") for place in inside]
    folders = {name for name in names if name.endswith("/")}
    if are_shards(set(names) - folders, folders):
        return RemoteShardSource(name, files, folder, SHARDS)
    return RemoteSource(name, files, folder)


def _open_file(name: str, file: RemoteFile, options: SourceOptions) -> RemoteImages:
    kind = file.suffix.lower()
    if kind == TAR:
        return RemoteShardSource(name, file.files, file.parent, file.name)
    if kind == ZIP:
        return RemoteZipSource(name, file)
    if kind in TABLES:
        return RemoteTableSource(name, file, options.columns, options.fetcher())
    raise other_kind(file)
