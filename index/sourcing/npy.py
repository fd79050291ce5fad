"""Rows of numbers in a .npy file, read some at a time.

open_npy(file) -> a VectorFile, of float16 to float64. Nothing is mapped into memory, so that a file
which shrinks meanwhile is an error and no crash. Raises InputError for a file of another kind, and
one that is cut off.
"""

import os
import tokenize
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from index.sourcing.files import File
from models.errors import InputError
from models.vectors import Embeddings

HEADER = 4096  # bytes that are read at once: elsewhere each read is a request
# what numpy raises beside ValueError where a header is none
HOSTILE = (tokenize.TokenError, SyntaxError, TypeError, RecursionError, MemoryError)


@dataclass(frozen=True)
class VectorFile:
    file: File
    start: int
    rows: int
    dimension: int
    dtype: np.dtype[np.floating[Any]]

    def read(self, first: int, rows: int) -> Embeddings:
        row_bytes = self.dimension * self.dtype.itemsize
        try:
            with self.file.open("rb", buffering=0) as opened:
                opened.seek(self.start + first * row_bytes)
                data = opened.read(rows * row_bytes)
        except OSError as error:
            raise InputError(f"{self.file}: cannot be read: {error.strerror}") from error
        if len(data) != rows * row_bytes:
            raise InputError(f"{self.file}: ends before its row {first + rows}")
        held: NDArray[np.floating[Any]] = np.frombuffer(data, self.dtype).reshape(rows, -1)
        with np.errstate(over="ignore"):  # an endless one has no direction, which is found out
            return held.astype(np.float32)


def open_npy(file: File) -> VectorFile:
    try:
        with file.open("rb", buffering=HEADER) as opened:
            shape, by_columns, dtype = _npy_header(opened)
            start, length = opened.tell(), opened.seek(0, os.SEEK_END)
    except (OSError, ValueError, *HOSTILE) as error:
        raise InputError(f"{file}: cannot be read as .npy: {error}") from error
    if len(shape) != 2 or by_columns or dtype.kind != "f" or shape[1] < 1:
        raise InputError(f"{file}: expected rows of floating-point numbers, got {dtype} {shape}")
    if start + shape[0] * shape[1] * dtype.itemsize > length:
        raise InputError(f"{file}: is cut off: {length} bytes do not hold {shape}")
    return VectorFile(file, start, shape[0], shape[1], dtype)


def _npy_header(opened: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(opened)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(opened)
    return np.lib.format.read_array_header_2_0(opened)
