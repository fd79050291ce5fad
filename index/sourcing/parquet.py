"""Tables in Parquet, read in batches of rows.

A part of a table (a row group) that is damaged is told to `refused`, by the table's place, and the
others are read.
Raises InputError for what is no Parquet, and naming the extra to install without pyarrow.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from index.arrow import load_pyarrow
from index.sourcing.files import File
from index.sourcing.lines import Refused
from models.errors import InputError

BATCH_ROWS = 1024
MAX_BATCH_BYTES = 256 * 1024 * 1024
TEXTS = {"string", "large_string", "string_view"}
ISO_TIME = re.compile(r"[-0-9:. TZ+]+")  # and no remark of Arrow's that it is out of range

Row = dict[str, Any]


def parquet_columns(path: File) -> list[str]:
    """The names of those that hold single values: texts, numbers, truths and times."""
    arrow, _ = load_pyarrow("reading")
    with _opened(path) as table:
        return [field.name for field in table.schema_arrow if _is_single(arrow.types, field.type)]


def parquet_count(path: File) -> int:
    with _opened(path) as table:
        rows: int = table.metadata.num_rows
    return rows


def parquet_rows(
    path: File, columns: Sequence[str] | None, refused: Refused
) -> Iterator[tuple[str, Row]]:
    """Without columns, those that hold single values."""
    for start, rows in parquet_batches(path, columns, refused):
        for number, row in enumerate(rows, start=start + 1):
            yield f"{path}, row {number}", row


def parquet_batches(
    path: File, columns: Sequence[str] | None, refused: Refused
) -> Iterator[tuple[int, list[Row]]]:
    """Some rows at a time, with the number of those before them, damaged ones included."""
    arrow, _ = load_pyarrow("reading")
    wanted = parquet_columns(path) if columns is None else columns
    with _opened(path) as table:
        there = [name for name in wanted if name in table.schema_arrow.names]
        start = 0
        for group in range(table.num_row_groups):
            at = start
            try:
                for batch in table.iter_batches(BATCH_ROWS, row_groups=[group], columns=there):
                    rows = _rows(arrow, batch)
                    yield at, rows
                    at += len(rows)
            except (OSError, ValueError, arrow.ArrowException) as error:
                reason = f"cannot be read as Parquet from row {at + 1} on: {error}"
                refused(str(path), reason)
            start += table.metadata.row_group(group).num_rows


def _rows(arrow: Any, batch: Any) -> list[Row]:  # noqa: ANN401
    if batch.nbytes > MAX_BATCH_BYTES:
        raise ValueError(f"{batch.num_rows} rows of {batch.nbytes} bytes, over {MAX_BATCH_BYTES}")
    # of two columns with one name the second
    columns = {name: _values(arrow, batch[at]) for at, name in enumerate(batch.schema.names)}
    return [{name: of[row] for name, of in columns.items()} for row in range(batch.num_rows)]


def _values(arrow: Any, column: Any) -> list[Any]:  # noqa: ANN401
    kind = column.type
    if arrow.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(arrow.timestamp("us", kind.tz), safe=False)
    try:
        # pandas, where it is installed, would read these and drop what is below a microsecond
        if arrow.types.is_time64(kind) and kind.unit == "ns":
            column = column.cast(arrow.time64("us"))
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, LookupError):  # of a time or a zone that Python has not
        texts = column.cast(arrow.string()).to_pylist()
        values = [text and ISO_TIME.fullmatch(text) and text.replace(" ", "T") for text in texts]
    return values


def _is_single(types: Any, kind: Any) -> bool:  # noqa: ANN401
    if types.is_dictionary(kind):
        return _is_single(types, kind.value_type)
    texts = str(kind) in TEXTS
    numbers = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    times = types.is_date(kind) or types.is_time(kind) or types.is_timestamp(kind)
    return bool(texts or numbers or times or types.is_boolean(kind))


def _opened(path: File) -> Any:  # noqa: ANN401
    arrow, parquet = load_pyarrow("reading")
    try:
        return parquet.ParquetFile(path if isinstance(path, Path) else path.open("rb"))
    except (OSError, ValueError, arrow.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {error}") from error
