"""Tables of any length, read row by row: JSON lines, or Parquet where its reader is installed.

read_rows(path, columns) -> each row with the place that an error names; a row has the columns that
its file has. Raises InputError, naming file and line, for a table that cannot be read, and naming
the extra to install for Parquet without pyarrow.
"""

import importlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.errors import InputError

Entry = dict[str, Any]

PARQUET = ".parquet"
MAX_LINE_BYTES = 16 * 1024 * 1024
BATCH_ROWS = 1024


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, Entry]]:
    """Of a Parquet table only these columns are read."""
    if path.suffix.lower() == PARQUET:
        return _parquet_rows(path, columns)
    return _json_lines(path)


def _json_lines(path: Path) -> Iterator[tuple[str, Entry]]:
    number = 0
    try:
        with path.open("rb") as lines:
            while line := lines.readline(MAX_LINE_BYTES + 1):
                number += 1
                where = f"{path}, line {number}"
                if len(line) > MAX_LINE_BYTES:
                    raise InputError(f"{where}: over {MAX_LINE_BYTES} bytes")
                if line.strip():
                    yield where, _object(where, line)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _object(where: str, line: bytes) -> Entry:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{where}: expected an object, got {type(content).__name__}")
    return content


def _parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, Entry]]:
    arrow, parquet = _pyarrow()
    number = 0
    try:
        with parquet.ParquetFile(path) as table:
            there = [name for name in columns if name in table.schema_arrow.names]
            for batch in table.iter_batches(BATCH_ROWS, columns=there):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}, row {number}", row
    except (OSError, ValueError, arrow.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {error}") from error


def _pyarrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise InputError(
            "reading Parquet needs pyarrow: install Pictor with its extra, pip install '.[data]'"
        ) from error
