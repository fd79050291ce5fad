"""Tables of any length, read row by row: CSV, TSV, JSON lines, or Parquet where its reader is
installed.

read_rows(path, columns) -> each row with the place that an error names; a row has the columns that
its file has. CSV is quoted as in RFC 4180, TSV is not quoted at all; both have a header, and their
cells are texts, of which an empty one is left out. A row that cannot be read is told to `refused`,
by its place, and the rest is read on; without `refused` it raises InputError. So does a table
without a header, and Parquet without pyarrow, which names the extra to install.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from index.sourcing.delimited import delimited_header, delimited_rows
from index.sourcing.files import File
from index.sourcing.lines import Refused, but_rows, numbered_lines
from index.sourcing.parquet import parquet_columns, parquet_rows
from models.errors import InputError

Entry = dict[str, Any]

PARQUET = ".parquet"
DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
TABLES = (PARQUET, *DELIMITERS, *JSON_LINES)


def read_rows(
    path: File, columns: Sequence[str] | None = None, refused: Refused | None = None
) -> Iterator[tuple[str, Entry]]:
    """Of a Parquet table only these columns are read; without any, those of single values."""
    refused = refused or _stop
    kind = path.suffix.lower()
    if kind == PARQUET:
        return parquet_rows(path, columns, refused)
    if kind in DELIMITERS:
        return delimited_rows(path, DELIMITERS[kind], refused)
    return _json_lines(path, refused)


def column_names(path: File) -> Sequence[str]:
    """Of single values; of JSON lines, the names in the first of them that can be read."""
    kind = path.suffix.lower()
    if kind == PARQUET:
        return parquet_columns(path)
    if kind in DELIMITERS:
        return delimited_header(path, DELIMITERS[kind])
    first = next(_json_lines(path, but_rows(path)), None)
    return [] if first is None else list(first[1])


def _json_lines(path: File, refused: Refused) -> Iterator[tuple[str, Entry]]:
    for where, line in numbered_lines(path, refused):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except (ValueError, RecursionError) as error:
            refused(where, f"not JSON: {error}")
            continue
        if isinstance(content, dict):
            yield where, content
        else:
            refused(where, f"expected an object, got {type(content).__name__}")


def _stop(where: str, reason: str) -> NoReturn:
    raise InputError(f"{where}: {reason}")
