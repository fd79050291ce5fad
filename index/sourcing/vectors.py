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
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from index.found import Clock, Content, FileContent, Listener, Root, file_stamp, stop_at
from index.items import ID_HEX, Failure, Metadata
from index.sourcing.npy import VectorFile, open_npy
from index.sourcing.parquet import parquet_batches, parquet_columns, parquet_count
from index.sourcing.sidecars import Sidecar, SidecarError, described
from index.sourcing.table_source import (
    CAPTIONS,
    PICTURES,
    TableColumns,
    first_of,
    local_file,
    single,
    without_missing,
)
from models.errors import InputError
from models.vectors import Vector, directed

VECTORS, METADATA = "img_emb", "metadata"
ADDRESSES = ("url", "image_url")
PATHS = tuple(name for name in PICTURES if name not in (*ADDRESSES, "key"))
KEYS = ("key", *PATHS, *ADDRESSES)
MAX_KEY = 4_000


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
    """Paths of pictures are relative to the root, or lead into it."""

    root: Root
    parts: Sequence[tuple[VectorFile, Path]]  # and the metadata of each
    columns: TableColumns = field(default_factory=TableColumns)
    clock: Clock = time.time

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def dimension(self) -> int:
        return self.parts[0][0].dimension

    @property
    def count(self) -> int:
        return sum(vectors.rows for vectors, _ in self.parts)

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundVector]:
        for vectors, metadata in self.parts:
            yield from _PartWalk(self, vectors, metadata, failed).vectors()


def holds_vectors(folder: Path) -> bool:
    return bool(_numbered(folder, VECTORS, ".npy"))


def open_vectors(root: Root, folder: Path, columns: TableColumns | None = None) -> VectorSource:
    vectors, metadata = _numbered(folder, VECTORS, ".npy"), _numbered(folder, METADATA, ".parquet")
    if not vectors or vectors.keys() != metadata.keys():
        alone = min(vectors.keys() ^ metadata.keys(), default="")
        raise InputError(
            f"{folder}: {len(vectors)} files of vectors, {len(metadata)} of metadata: expected "
            f"one beside the other, but {alone!r} is alone"
        )
    parts = [(open_npy(vectors[number]), metadata[number]) for number in vectors]
    for part, beside in parts:
        if part.dimension != parts[0][0].dimension:
            raise InputError(
                f"{part.file}: has {part.dimension} dimensions, {parts[0][0].file} "
                f"{parts[0][0].dimension}"
            )
        if part.rows != (rows := parquet_count(beside)):
            raise InputError(f"{part.file}: has {part.rows} rows, {beside} {rows}")
    return VectorSource(root, parts, columns or TableColumns())


class _PartWalk:
    def __init__(
        self, source: VectorSource, vectors: VectorFile, metadata: Path, failed: Listener
    ) -> None:
        self._source = source
        self._vectors = vectors
        self._metadata = metadata
        self._failed = failed
        self._root = Path(os.path.realpath(source.root.path))
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
        file = self._file(row)
        said = self._said(key, row)
        return FoundVector(
            source=self._source.name,
            key=key,
            path=file.relative_to(self._root).as_posix() if file else self._place(key, row),
            caption=said.caption,
            metadata=said.metadata,
            embedding=embedding,
            content=FileContent(file) if file else None,
            stamp=file_stamp(file.stat, self._source.clock) if file else None,
        )

    def _file(self, row: Mapping[str, object]) -> Path | None:
        place = row.get(self._path or "")
        if not isinstance(place, str) or not place or "://" in place:
            return None
        try:
            # most are not there any more, and following links to nothing takes its time
            regular = stat.S_ISREG((self._root / place).stat().st_mode)
        except (OSError, ValueError):
            return None
        return local_file(self._root, place) if regular else None

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


def _numbered(folder: Path, kind: str, suffix: str) -> dict[str, Path]:
    """The files by what stands behind their kind, mostly a number, in order."""
    inside = folder / kind
    files = inside.glob(f"*{suffix}") if inside.is_dir() else folder.glob(f"{kind}_*{suffix}")
    return {file.stem.removeprefix(kind).removeprefix("_"): file for file in sorted(files)}
