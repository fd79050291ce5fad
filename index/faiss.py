"""An exact inner-product index over the segments' vectors; the only file that imports FAISS.

FlatIndex holds float32 copies of the stored float16 rows, in the order of the catalogue's segments.
Its file is named by its space's position and the checksums of those segments in that order: since a
segment never changes, the name fixes which row is which, and an index beside other segments is
refused rather than read.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index.segments import SegmentRecord, Units
from models.errors import CollectionError
from models.vectors import Embeddings

Nearest = tuple[NDArray[np.float32], NDArray[np.int64]]  # scores (m,), falling, and rows (m,)

KIND = "flat"
SUFFIX = ".faiss"


@dataclass(frozen=True)
class IndexRecord:
    """What the catalogue keeps of an index."""

    name: str
    rows: int
    bytes: int
    checksum: str  # SHA-256 of the file
    space: int = 0  # its position among the collection's spaces


def limit_faiss_threads(threads: int) -> None:
    """The process's budget, set once by the command; never on behalf of one search."""
    faiss.omp_set_num_threads(max(1, threads))


def index_name(segments: Iterable[SegmentRecord], space: int = 0) -> str:
    # the first space's is named as it was when there was but one
    digest = hashlib.sha256(KIND.encode() if space == 0 else f"{KIND}/{space}".encode())
    for segment in segments:
        digest.update(bytes.fromhex(segment.checksum))
    return digest.hexdigest()[:32] + SUFFIX


class FlatIndex:
    def __init__(self, index: Any) -> None:  # noqa: ANN401 - FAISS has no types
        self._index = index

    @classmethod
    def build(cls, dimension: int, blocks: Iterable[Units]) -> "FlatIndex":
        index = faiss.IndexFlatIP(dimension)
        for block in blocks:
            index.add(np.ascontiguousarray(block, dtype=np.float32))
        return cls(index)

    @classmethod
    def read(cls, path: Path, dimension: int) -> "FlatIndex":
        """Raises CollectionError for a damaged file, FileNotFoundError for a missing one."""
        path.stat()  # FAISS says of a missing file no more than of a damaged one
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise CollectionError(f"{path}: damaged index") from error
        if index.d != dimension or index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise CollectionError(f"{path}: index of dimension {index.d}, expected {dimension}")
        return cls(index)

    def write(self, path: Path) -> None:
        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            raise CollectionError(f"{path}: index cannot be written") from error

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(
        self, vectors: Embeddings, k: int, *, among: NDArray[np.bool_] | None = None
    ) -> list[Nearest]:
        """For each vector (n, dim) the k rows of largest inner product: scores (m,) falling, rows
        (m,); m < k if there are fewer."""
        k = min(k, len(self))
        if k == 0:
            return [(np.empty(0, np.float32), np.empty(0, np.int64))] * len(vectors)
        parameters: Any = None
        if among is not None:
            bits: Any = np.packbits(among, bitorder="little")
            selector: Any = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg]
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        asked = np.ascontiguousarray(vectors, dtype=np.float32)
        scores, rows = self._index.search(asked, k, params=parameters)
        found = rows >= 0  # faiss marks a missing hit with -1
        return [(s[there], r[there]) for s, r, there in zip(scores, rows, found, strict=True)]

    def vectors(self, first: int, count: int) -> Embeddings:
        """Rows first to first + count, as they were added."""
        rows: Embeddings = self._index.reconstruct_n(first, count)
        return rows
