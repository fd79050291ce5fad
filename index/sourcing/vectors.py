"""Vectors made elsewhere, as clip-retrieval writes and embedding-reader reads them.

A folder has `img_emb/img_emb_0.npy`, rows of float16 to float64, and `metadata/metadata_0.parquet`
with a row for each of them, and so on; or all of these files without the two folders between. The
model that they are of is for whoever reads them to name. VectorSource.walk() streams a FoundVector
for each row: its embedding as it is, float32, its key, caption and typed metadata, and its picture
where the path still leads to a file below the root. A vector without a direction is a failure by
its key. Keys are not compared: two rows of one key have one id.

Opening raises InputError for files that do not pair up, of unequal rows or dimensions, or that are
damaged: a vector beside another one's metadata must never be found. What has come to be so since is
a failure when it is walked.
Format: https://github.com/rom1504/clip-retrieval, `clip_inference/writer.py`.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from index.found import Content, Listener, Root, stop_at
from index.items import ID_HEX, WHOLE, Failure, Metadata
from index.sourcing.files import File
from index.sourcing.lines import failure_of
from index.sourcing.npy import VectorFile, open_npy
from index.sourcing.parquet import parquet_batches, parquet_columns, parquet_count
from index.sourcing.pictures import FolderPictures, NoPictureError, Picture, Pictures
from index.sourcing.sidecars import Sidecar, SidecarError, described
from index.sourcing.table_source import (
    CAPTIONS,
    PICTURES,
    TableColumns,
    first_of,
    single,
    without_missing,
)
from models.errors import InputError
from models.vectors import Vector, directed

VECTORS, METADATA = "img_emb", "metadata"
ROWS, TABLE = ".npy", ".parquet"
ADDRESSES = ("url", "image_url")
PATHS = tuple(name for name in PICTURES if name not in (*ADDRESSES, "key"))
KEYS = ("key", *PATHS, *ADDRESSES)
MAX_KEY = 4_000

Pair = tuple[File, File]  # of vectors, and the metadata of each


@dataclass(frozen=True)
class FoundVector:
    source: str
    key: str
    path: str  # within the root where there is a picture; else an address, a path or the key
    caption: str | None
    metadata: Metadata
    embedding: Vector
    content: Content | None  # None where the picture is not there
    stamp: str | None  # the picture's

    @property
    def id(self) -> str:
        """Of the source and the key: the picture's bytes may never have been here."""
        named = f"{self.source}\0{self.key}".encode()
        return hashlib.sha256(named).hexdigest()[:ID_HEX]


@dataclass(frozen=True)
class VectorSource:
    name: str
    root: Root | None  # of the pictures
    pictures: Callable[[], Pictures]  # as they are when it is walked
    pairs: Callable[[], Sequence[Pair]]  # as they are then
    dimension: int
    count: int  # when it was opened
    columns: TableColumns = field(default_factory=TableColumns)

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundVector]:
        pictures = self.pictures()
        for vectors, metadata in self.pairs():
            try:
                rows = _checked(vectors, metadata, self.dimension)
                walk = _PartWalk(self, pictures, rows, metadata, failed)
            except InputError as error:
                failed(Failure(self.name, WHOLE, str(error)))
                continue
            yield from walk.vectors()


def holds_vectors(folder: Path) -> bool:
    return bool(_files(folder, VECTORS, ROWS))


def open_vectors(root: Root, folder: Path, columns: TableColumns | None = None) -> VectorSource:
    """Paths of pictures are relative to the root, or lead into it."""

    def pairs() -> Sequence[Pair]:
        return paired(folder, _files(folder, VECTORS, ROWS), _files(folder, METADATA, TABLE))

    pictures = partial(FolderPictures, root.path)
    return open_pairs(root.name, root, pictures, pairs, columns or TableColumns())


def open_pairs(
    name: str,
    root: Root | None,
    pictures: Callable[[], Pictures],
    pairs: Callable[[], Sequence[Pair]],
    columns: TableColumns,
) -> VectorSource:
    """All of them are checked now, and each again when it is walked."""
    now = pairs()
    dimension = open_npy(now[0][0]).dimension
    count = sum(_checked(*pair, dimension).rows for pair in now)
    return VectorSource(name, root, pictures, pairs, dimension, count, columns)


def paired(folder: object, vectors: Sequence[File], metadata: Sequence[File]) -> Sequence[Pair]:
    """Each file of vectors with its metadata; errors call their folder by its str()."""
    rows, tables = _numbered(vectors, VECTORS), _numbered(metadata, METADATA)
    if not rows or rows.keys() != tables.keys():
        alone = min(rows.keys() ^ tables.keys(), default="")
        raise InputError(
            f"{folder}: {len(rows)} files of vectors, {len(tables)} of metadata: expected "
            f"one beside the other, but {alone!r} is alone"
        )
    return [(rows[number], tables[number]) for number in rows]


def _checked(vectors: File, metadata: File, dimension: int) -> VectorFile:
    part = open_npy(vectors)
    if part.dimension != dimension:
        raise InputError(f"{vectors}: has {part.dimension} dimensions, others {dimension}")
    if part.rows != (rows := parquet_count(metadata)):
        raise InputError(f"{vectors}: has {part.rows} rows, {metadata} {rows}")
    return part


class _PartWalk:
    def __init__(
        self,
        source: VectorSource,
        pictures: Pictures,
        vectors: VectorFile,
        metadata: File,
        failed: Listener,
    ) -> None:
        self._source = source
        self._pictures = pictures
        self._vectors = vectors
        self._metadata = metadata
        self._failed = failed
        names = parquet_columns(metadata)
        self._key = first_of(KEYS, names)
        self._path = source.columns.picture or first_of(PATHS, names)
        self._address = first_of(ADDRESSES, names)
        self._caption = source.columns.caption or first_of(CAPTIONS, names)

    def vectors(self) -> Iterator[FoundVector]:
        for first, rows in parquet_batches(self._metadata, None, self._refuse):
            try:
                embeddings = self._vectors.read(first, len(rows))
            except InputError as error:
                self._refuse(str(self._metadata), str(error))
                return
            for at, (row, sound) in enumerate(zip(rows, directed(embeddings), strict=True)):
                key = self._key_of(row, first + at)
                if key is None:
                    self._refuse(f"{self._metadata.name}, row {first + at + 1}", "has no key")
                elif not sound:
                    self._refuse(key, "its vector has no direction")
                else:
                    yield self._found(key, row, embeddings[at])

    def _key_of(self, row: Mapping[str, object], number: int) -> str | None:
        if self._key is None:
            return f"{self._vectors.file.name}/{number}"
        key = row[self._key]
        named = str(key) if isinstance(key, str | int) else ""
        return named if 0 < len(named) <= MAX_KEY else None

    def _found(self, key: str, row: Mapping[str, object], embedding: Vector) -> FoundVector:
        picture = self._picture(row)
        said = self._said(key, row)
        return FoundVector(
            source=self._source.name,
            key=key,
            path=picture.path if picture else self._place(key, row),
            caption=said.caption,
            metadata=said.metadata,
            embedding=embedding,
            content=picture.content if picture else None,
            stamp=picture.stamp if picture else None,
        )

    def _picture(self, row: Mapping[str, object]) -> Picture | None:
        place = row.get(self._path or "")
        if not isinstance(place, str) or not place or "://" in place:
            return None
        try:
            return self._pictures.at(place)
        except NoPictureError:
            return None  # most are not there any more

    def _place(self, key: str, row: Mapping[str, object]) -> str:
        for name in (self._address, self._path):
            value = row.get(name or "")
            if isinstance(value, str) and value:
                return value[:MAX_KEY]
        return key

    def _said(self, key: str, row: Mapping[str, object]) -> Sidecar:
        apart = (self._path, self._caption)
        values = {name: single(value) for name, value in row.items() if name not in apart}
        try:
            return described(row.get(self._caption or ""), without_missing(values))
        except SidecarError as error:
            self._refuse(key, f"caption and metadata: {error}")
            return Sidecar()

    def _refuse(self, where: str, reason: str) -> None:
        self._failed(failure_of(self._source.name, self._metadata, where, reason))


def _files(folder: Path, kind: str, suffix: str) -> list[Path]:
    inside = folder / kind
    return list(inside.glob(f"*{suffix}") if inside.is_dir() else folder.glob(f"{kind}_*{suffix}"))


def _numbered(files: Sequence[File], kind: str) -> dict[str, File]:
    """By what stands behind their kind, mostly a number, in order."""
    in_order = sorted(files, key=lambda file: file.name)
    return {file.stem.removeprefix(kind).removeprefix("_"): file for file in in_order}
