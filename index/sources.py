"""Where pictures come from.

A source is walked in a stable order and tells every file that it cannot take to the walk's
listener; it raises only for a mistake of the user's. A path may be given more than once, where a
table lists it again or an archive holds it again: the last counts.

open_source(text) -> a source, by what there is at PATH or NAME=PATH:

- A folder of pictures; vectors made elsewhere, where it has `img_emb` files; WebDataset shards,
  where it has .tar files and neither pictures nor folders beside them.
- `FOLDER/{00000..00099}.tar` or `FOLDER/*.tar`: these shards, whatever else is there.
- A .tar, a .zip; a .csv, .tsv, .jsonl or .parquet table of paths or addresses.
- An address of any of these in another file system: `s3://bucket/photos`, `gs://bucket/all.zip`.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from index.found import Clock, FileContent, FoundImage, Listener, Root, is_utf8, stop_at
from index.items import UPLOADS
from index.jobs.counting import count_pictures
from index.sourcing.folder_walk import FolderWalk
from index.sourcing.kinds import SHARDS, are_shards, other_kind
from index.sourcing.lookup import TAR, ZIP, is_archive
from index.sourcing.options import SourceOptions
from index.sourcing.patterns import is_pattern
from index.sourcing.remote.opening import open_remote
from index.sourcing.shards import ShardSource
from index.sourcing.table_source import TableColumns, TableSource
from index.sourcing.tables import TABLES
from index.sourcing.vectors import FoundVector, VectorSource, holds_vectors, open_vectors
from index.sourcing.zips import ZipSource
from models.errors import InputError

__all__ = [
    "FileContent",
    "FolderSource",
    "FoundImage",
    "FoundVector",
    "ImageSource",
    "Listener",
    "Root",
    "SourceOptions",
    "TableColumns",
    "VectorSource",
    "open_source",
    "parse_place",
    "parse_root",
    "stop_at",
]

MAX_NAME = 100


class ImageSource(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def root(self) -> Root | None:
        """The folder or archive that originals are read from later; None where there is none."""
        ...

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]: ...


def open_source(text: str, options: SourceOptions | None = None) -> ImageSource | VectorSource:
    """Raises InputError for what is not there, or not of these kinds."""
    options = options or SourceOptions()
    name, place = _name_and_place(text)
    if not place:
        raise InputError(f"{text!r}: names no source")
    if place.startswith(("http://", "https://")):
        raise InputError(f"{place}: addresses on the web are listed in a table, one a row")
    if "://" in place:
        source = open_remote(name, place, options)
        _check_name(source.name)
        return source
    path = Path(place).expanduser().absolute()
    if path.is_dir():
        return _open_folder(_checked(Root(name or path.resolve().name, path.resolve())), options)
    if path.is_file():
        return _open_file(path, name or path.stem, options)
    if is_pattern(path.name) and path.parent.is_dir():
        folder = path.parent.resolve()
        return ShardSource(_checked(Root(name or folder.name, folder)), path.name)
    raise InputError(f"{place!r}: no such folder or file")


def parse_root(text: str) -> Root:
    """NAME=PATH, or PATH, which its folder names; raises InputError for anything else."""
    name, equals, place = text.partition("=")
    is_path = not equals or Path(text).expanduser().is_dir()
    path = Path(text if is_path else place).expanduser()
    if not (text if is_path else place) or not path.is_dir():
        raise InputError(f"{text if is_path else place!r}: not an existing folder")
    path = path.resolve()
    return _checked(Root(path.name if is_path else name, path))


def parse_place(text: str) -> Root:
    """NAME=PATH of a folder or an archive, where the originals of a source are now."""
    name, place = _name_and_place(text)
    path = Path(place).expanduser().absolute()
    if path.is_file() and is_archive(path.name):
        return _checked(Root(name or path.stem, path))
    return parse_root(text)


def _open_folder(root: Root, options: SourceOptions) -> ImageSource | VectorSource:
    if holds_vectors(root.path):
        pictures = options.pictures.resolve() if options.pictures else root.path
        return open_vectors(Root(root.name, pictures), root.path, options.columns)
    if _holds_shards(root.path):
        return ShardSource(root, SHARDS)
    return FolderSource(root)


def _holds_shards(folder: Path) -> bool:
    try:
        is_folder = {each.name: each.is_dir() for each in folder.iterdir()}
    except OSError:
        return False  # its walk will say so
    folders = {name for name, is_one in is_folder.items() if is_one}
    return are_shards(is_folder.keys() - folders, folders)


def _open_file(path: Path, name: str, options: SourceOptions) -> ImageSource:
    kind = path.suffix.lower()
    if kind == TAR:
        return ShardSource(_checked(Root(name, path)))
    if kind == ZIP:
        return ZipSource(_checked(Root(name, path)))
    if kind in TABLES:
        root = _checked(Root(name, path.parent.resolve()))
        return TableSource(root, path, options.columns, options.fetcher())
    raise other_kind(path)


def _name_and_place(text: str) -> tuple[str | None, str]:
    name, equals, place = text.partition("=")
    # a path may have a = in it, and so may an address
    if not equals or "/" in name or "\\" in name or Path(text).expanduser().exists():
        return None, text
    return name, place


def _checked(root: Root) -> Root:
    _check_name(root.name)
    if not is_utf8(str(root.path)):
        raise InputError(f"{str(root.path)!a}: a folder whose path is not UTF-8")
    return root


def _check_name(name: str) -> None:
    if name == UPLOADS:
        raise InputError(
            f"{name!a} is what was sent while the collection was served: write NAME=PATH"
        )
    silly = name != name.strip() or not name.isprintable() or set(name) & set("/\\=")
    if not name or silly or len(name) > MAX_NAME:
        raise InputError(
            f"{name!a} will not do as a source's name: write NAME=PATH with a name of "
            f"1 to {MAX_NAME} printable characters without / \\ ="
        )


@dataclass(frozen=True)
class FolderSource:
    """Picture files under a root, by extension, in codepoint order of their paths.

    Hidden files and folders and whole collections are passed over. Links are followed while they
    stay inside the root, and a folder is never entered from within itself.
    """

    root: Root
    clock: Clock = time.time

    @property
    def name(self) -> str:
        return self.root.name

    def count(self) -> int:
        return count_pictures(self.root.path)

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        return FolderWalk(self.root, failed, self.clock).images()
