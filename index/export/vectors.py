"""A collection's vectors beside what it knows of their pictures, as other programs read them.

    img_emb/img_emb_0.npy         (n, dim) float32
    metadata/metadata_0.parquet   a row for each of them; see index/export/metadata_table.py

and so on: at most ROWS rows a file, numbered with as many digits as the last one has. A row is the
embedding as the model gave it, within the precision of the stored float16: whoever compares rows
scales them to unit length. `pictor index` reads the folder as vectors made elsewhere.
Format: https://github.com/rom1504/clip-retrieval, `clip_inference/writer.py`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from index.export.metadata_table import JsonLinesTable, MetadataTable, ParquetTable, Row, row_of
from index.export.place import claim_empty, make_durable, whole
from index.folder import writing
from index.gallery import Rows
from index.items import Item
from index.snapshot import Snapshot
from models.errors import CollectionError, InputError
from models.files import sync
from models.space import Space, named

ROWS = 100_000
AT_ONCE = 1024
VECTORS, METADATA = "img_emb", "metadata"
FORMS = ("parquet", "jsonl")

Progress = Callable[[int], None]


@dataclass(frozen=True)
class ExportedVectors:
    rows: int
    files: int  # of vectors, and as many of metadata
    space: Space


def export_vectors(  # noqa: PLR0913
    snapshot: Snapshot,
    out: Path,
    *,
    space: str | None = None,
    form: str = FORMS[0],
    rows_a_file: int = ROWS,
    progress: Progress = lambda done: None,
) -> ExportedVectors:
    """`space` is one of the collection's by its name or its model, without one that in which texts
    are compared; `form` that of the metadata.

    Raises InputError for another space or form, a folder that is not empty, and Parquet without
    pyarrow.
    """
    chosen = _space(snapshot, space)
    export = _VectorExport(snapshot, chosen, _table(snapshot, form), out)
    claim_empty(out)
    with writing(out):
        (out / VECTORS).mkdir()
        (out / METADATA).mkdir()
    rows = snapshot.gallery.rows
    starts = range(0, len(rows), rows_a_file)
    digits = len(str(max(0, len(starts) - 1)))
    for number, first in enumerate(starts):
        export.write(f"{number:0{digits}d}", rows[first : first + rows_a_file])
        progress(min(first + rows_a_file, len(rows)))
    for folder in (out / VECTORS, out / METADATA, out):
        sync(folder)
    return ExportedVectors(len(rows), len(starts), chosen)


def _space(snapshot: Snapshot, asked: str | None) -> Space:
    if asked is None:
        return snapshot.spaces[0]
    found = [space for space in snapshot.spaces if asked in (space.name, space.model)]
    if not found:
        raise InputError(f"space {asked!r}: the collection is of {named(snapshot.spaces)}")
    return found[0]


def _table(snapshot: Snapshot, form: str) -> MetadataTable:
    if form not in FORMS:
        raise InputError(f"metadata as {form!r}: expected {' or '.join(FORMS)}")
    return JsonLinesTable() if form == "jsonl" else ParquetTable(_all_rows(snapshot))


def _all_rows(snapshot: Snapshot) -> Iterator[Row]:
    roots = snapshot.places()
    for part in _parts(snapshot.gallery.rows):
        for item in _items(snapshot, part):
            yield row_of(item, roots)


def _parts(rows: Rows) -> Iterator[Rows]:
    for first in range(0, len(rows), AT_ONCE):
        yield rows[first : first + AT_ONCE]


def _items(snapshot: Snapshot, rows: Rows) -> list[Item]:
    """In the rows' order, none left out: a vector beside another's metadata must never be found."""
    ids = snapshot.gallery.ids(rows)
    items = snapshot.items(ids)
    for id_ in ids:
        if id_ not in items:
            raise CollectionError(f"item {id_}: has a vector, but is not in the catalogue")
    return [items[id_] for id_ in ids]


@dataclass(frozen=True)
class _VectorExport:
    snapshot: Snapshot
    space: Space
    table: MetadataTable
    out: Path

    def write(self, number: str, rows: Rows) -> None:
        """One file of vectors, and one of metadata."""
        vectors = self.out / VECTORS / f"{VECTORS}_{number}.npy"
        metadata = self.out / METADATA / f"{METADATA}_{number}{self.table.suffix}"
        roots = self.snapshot.places()
        with whole(vectors) as vector_stream, whole(metadata) as metadata_stream:
            _write_header(vector_stream, len(rows), self.space.dimension)
            with self.table.filling(metadata_stream) as append:
                for part in _parts(rows):
                    vector_stream.write(self._embeddings(part))
                    append([row_of(item, roots) for item in _items(self.snapshot, part)])
            make_durable(metadata_stream)
            make_durable(vector_stream)

    def _embeddings(self, rows: Rows) -> bytes:
        gallery = self.snapshot.gallery
        embeddings = np.stack([gallery.embedding(row, self.space) for row in rows.tolist()])
        return embeddings.astype("<f4").tobytes()


def _write_header(stream: BinaryIO, rows: int, dimension: int) -> None:
    described = {"descr": "<f4", "fortran_order": False, "shape": (rows, dimension)}
    np.lib.format.write_array_header_1_0(stream, described)
