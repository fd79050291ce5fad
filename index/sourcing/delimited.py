"""Tables in which cells are divided by a character: CSV and TSV.

A cell is a text. column_types(path, delimiter) -> what a column's texts all are, so that a column
has one type: whole numbers of 64 bits, numbers, true and false, or texts.
"""

import csv
import math
import re
from collections.abc import Callable, Iterator, Mapping

from index.items import Scalar
from index.sourcing.files import File
from index.sourcing.lines import Refused, but_rows, numbered_lines
from index.sourcing.sidecars import MAX_INTEGER
from models.errors import InputError

Row = dict[str, str]

# a leading zero makes a text of it: "01234" is no number
WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
TRUTHS = {"true": True, "false": False}


def delimited_header(path: File, delimiter: str) -> list[str]:
    cells = next(_Cells(path, delimiter, but_rows(path)), (str(path), []))[1]
    header = [cell.strip() for cell in cells]
    if not header or "" in header or len(set(header)) < len(header):
        raise InputError(f"{path}: expected a first line of column names, got {header!a:.200}")
    return header


def delimited_rows(path: File, delimiter: str, refused: Refused) -> Iterator[tuple[str, Row]]:
    header = delimited_header(path, delimiter)
    rows = _Cells(path, delimiter, refused)
    next(rows, None)
    for where, cells in rows:
        if len(cells) == len(header):
            pairs = zip(header, cells, strict=True)
            yield where, {name: cell for name, cell in pairs if cell}
        elif cells:
            refused(where, f"{len(cells)} cells, expected {len(header)}")


def column_types(path: File, delimiter: str) -> Mapping[str, Callable[[str], Scalar]]:
    """A column of texts is not there."""
    left: dict[str, list[Callable[[str], Scalar]]] = {
        name: [_truth, _whole, _number] for name in delimited_header(path, delimiter)
    }
    for _, row in delimited_rows(path, delimiter, but_rows(path)):
        for name, cell in row.items():
            if left[name]:
                left[name] = [kind for kind in left[name] if _is(kind, cell)]
    return {name: kinds[0] for name, kinds in left.items() if kinds}


class _Cells:
    """The rows of a table, each with its place and its cells."""

    def __init__(self, path: File, delimiter: str, refused: Refused) -> None:
        self._where = str(path)
        self._refused = refused
        self._rows = csv.reader(
            self._decoded(path),
            delimiter=delimiter,
            quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
        )

    def __iter__(self) -> "_Cells":
        return self

    def __next__(self) -> tuple[str, list[str]]:
        while True:
            try:
                cells = next(self._rows)
            except csv.Error as error:
                self._refused(self._where, f"not a row: {error}")
            else:
                return self._where, cells

    def _decoded(self, path: File) -> Iterator[str]:
        encoding = "utf-8-sig"
        for where, line in numbered_lines(path, self._refused):
            self._where = where
            try:
                yield line.decode(encoding)
            except UnicodeDecodeError as error:
                self._refused(where, f"not UTF-8: {error.reason} at byte {error.start}")
            encoding = "utf-8"


def _is(kind: Callable[[str], Scalar], cell: str) -> bool:
    try:
        kind(cell)
    except ValueError:
        return False
    return True


def _truth(cell: str) -> bool:
    if cell.lower() not in TRUTHS:
        raise ValueError
    return TRUTHS[cell.lower()]


def _whole(cell: str) -> int:
    if not WHOLE.fullmatch(cell) or not -MAX_INTEGER <= int(cell) < MAX_INTEGER:
        raise ValueError
    return int(cell)


def _number(cell: str) -> float:
    if not NUMBER.fullmatch(cell) or not math.isfinite(float(cell)):
        raise ValueError
    return float(cell)
