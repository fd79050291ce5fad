"""Vectors made elsewhere, as clip-retrieval writes and embedding-reader reads them.

A folder has `img_emb/img_emb_0.npy`, rows of float16 to float64, and `metadata/metadata_0.parquet`
with a row for each of them, and so on; or all of these files without the two folders between. The
model that they are of is for whoever reads them to name. VectorSource.walk() streams a FoundVector
for each row: its embedding as it is, float32, its key, caption and typed metadata, and its picture
where the path still leads to a file below the root. A vector without a direction is a failure by
its key. Keys are not compared: two rows of one key have one id.

Raises InputError for files that do not pair up, of unequal rows or dimensions, or that are damaged:
a vector beside another one's metadata must never be found.
Format: https://github.com/rom1504/clip-retrieval, `clip_inference/writer.py`.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from index.found import Content, Listener, Root, stop_at
from index.items import ID_HEX, Failure, Metadata
from index.sourcing.files import File
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

Parts = Sequence[tuple[VectorFile, File]]


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
    parts: Parts
    columns: TableColumns = field(default_factory=TableColumns)

    @property
    def dimension(self) -> int:
        return self.parts[0][0].dimension

    @property
    def count(self) -> int:
        return sum(vectors.rows for vectors, _ in self.parts)

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundVector]:
        pictures = self.pictures()
        for vectors, metadata in self.parts:
            yield from _PartWalk(self, pictures, vectors, metadata, failed).vectors()


def holds_vectors(folder: Path) -> bool:
    return bool(_files(folder, VECTORS, ROWS))


def open_vectors(root: Root, folder: Path, columns: TableColumns | None = None) -> VectorSource:
    """Paths of pictures are relative to the root, or lead into it."""
    parts = paired(folder, _files(folder, VECTORS, ROWS), _files(folder, METADATA, TABLE))
    pictures = partial(FolderPictures, root.path)
    return VectorSource(root.name, root, pictures, parts, columns or TableColumns())


def paired(folder: object, vectors: Sequence[File], metadata: Sequence[File]) -> Parts:
    """Each file of vectors with its metadata; errors call their folder by its str()."""
    rows, tables = _numbered(vectors, VECTORS), _numbered(metadata, METADATA)
    if not rows or rows.keys() != tables.keys():
        alone = min(rows.keys() ^ tables.keys(), default="")
        raise InputError(
            f"{folder}: {len(rows)} files of vectors, {len(tables)} of metadata: expected "
            f"one beside the other, but {alone!r} is alone"
        )
    parts = [(open_npy(rows[number]), tables[number]) for number in rows]
    for part, beside in parts:
        if part.dimension != parts[0][0].dimension:
            raise InputError(
                f"{part.file}: has {part.dimension} dimensions, {parts[0][0].file} "
                f"{parts[0][0].dimension}"
            )
        if part.rows != (count := parquet_count(beside)):
            raise InputError(f"{part.file}: has {part.rows} rows, {beside} {count}")
    return parts


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
                self._refuse(self._vectors.file.name, str(error))
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
        place = where.removeprefix(f"{self._metadata.parent}/")
        self._failed(Failure(self._source.name, place, reason))


def _files(folder: Path, kind: str, suffix: str) -> list[Path]:
    inside = folder / kind
    return list(inside.glob(f"*{suffix}") if inside.is_dir() else folder.glob(f"{kind}_*{suffix}"))


def _numbered(files: Sequence[File], kind: str) -> dict[str, File]:
    """By what stands behind their kind, mostly a number, in order."""
    in_order = sorted(files, key=lambda file: file.name)
    return {file.stem.removeprefix(kind).removeprefix("_"): file for file in in_order}
