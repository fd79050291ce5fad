"""What is known of pictures as the rows of a table, for other programs.

A row is key (the id), image_path, url, caption, and a column for each name in the metadata; a name
that is one of these four already is written as `metadata.NAME`. Paths are absolute where the source
has a place on this machine. A column holds one type: numbers of both kinds are float64, of other
mixtures all are text, and lists are JSON. Parquet names the extra to install where pyarrow is
missing; JSON lines need nothing, and leave out what a picture does not have.
"""

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from index.arrow import load_pyarrow
from index.items import UPLOADS, Fact, Item, Scalar, upload_path
from models.errors import InputError

FIRST_COLUMNS = ("key", "image_path", "url", "caption")
MAX_COLUMNS = 1_000

Row = dict[str, Fact]
Append = Callable[[Sequence[Row]], None]


class MetadataTable(Protocol):
    @property
    def suffix(self) -> str: ...

    def filling(self, stream: BinaryIO) -> contextlib.AbstractContextManager[Append]:
        """A new table; what is appended is in it when the block is left."""
        ...


class JsonLinesTable:
    suffix = ".jsonl"

    @contextlib.contextmanager
    def filling(self, stream: BinaryIO) -> Iterator[Append]:
        def append(rows: Sequence[Row]) -> None:
            for row in rows:
                stream.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")

        yield append


class ParquetTable:
    suffix = ".parquet"

    def __init__(self, rows: Iterable[Row]) -> None:
        """`rows` are all that any table will hold, of which the columns are made."""
        self._arrow, self._parquet = load_pyarrow("writing", ", or write JSON lines")
        self._kinds = column_kinds(rows)
        types = {
            bool: self._arrow.bool_(),
            int: self._arrow.int64(),
            float: self._arrow.float64(),
            str: self._arrow.string(),
        }
        self._schema = self._arrow.schema([(name, types[of]) for name, of in self._kinds.items()])

    @contextlib.contextmanager
    def filling(self, stream: BinaryIO) -> Iterator[Append]:
        with self._parquet.ParquetWriter(stream, self._schema) as writer:
            yield lambda rows: writer.write_table(self._table(rows))

    def _table(self, rows: Sequence[Row]) -> Any:  # noqa: ANN401
        held = [{name: _as(self._kinds[name], of) for name, of in row.items()} for row in rows]
        return self._arrow.Table.from_pylist(held, schema=self._schema)


def column_kinds(rows: Iterable[Row]) -> dict[str, type[Scalar]]:
    """The type of each column, by its name."""
    found: defaultdict[str, set[type]] = defaultdict(set)
    for row in rows:
        for name, value in row.items():
            found[name].add(type(value))
        if len(found) > MAX_COLUMNS:
            raise InputError(
                f"pictures have more than {MAX_COLUMNS} names of metadata, too many for the "
                "columns of Parquet: write JSON lines"
            )
    named = {name: _one_kind(kinds) for name, kinds in sorted(found.items())}
    return dict.fromkeys(FIRST_COLUMNS, str) | named


def _one_kind(kinds: set[type]) -> type[Scalar]:
    if len(kinds) == 1:
        return next(iter(kinds - {list}), str)
    return float if kinds == {int, float} else str


def _as(kind: type[Scalar], value: Fact) -> Scalar:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else kind(value)


def row_of(item: Item, roots: Mapping[str, Path]) -> Row:
    first, row = item.occurrences[0], Row(key=item.id)
    if "://" in first.path:
        row["url"] = first.path
    else:
        path = upload_path(item.id) if first.source == UPLOADS else first.path
        row["image_path"] = str(roots[first.source] / path if first.source in roots else path)
    if item.caption is not None:
        row["caption"] = item.caption
    for name, value in item.metadata.items():
        is_address = name == "url" and isinstance(value, str)
        row[f"metadata.{name}" if name in FIRST_COLUMNS and not is_address else name] = value
    return row
