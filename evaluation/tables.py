"""Tab-separated tables and JSON lines, read strictly: InputError names the file, the line, what is
wrong."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.errors import InputError


def read_table(path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Rows of a table whose header has these columns."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            if missing := set(columns) - set(rows.fieldnames or ()):
                raise InputError(f"{path}: has no column {sorted(missing)[0]!r}")
            for row in rows:
                if any(row[column] is None for column in columns):
                    raise InputError(f"{path}, line {rows.line_num}: fewer cells than columns")
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def read_json_lines(path: Path, fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Objects, one a line, that have these fields."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    lines = text.removesuffix("\n").split("\n") if text else []
    for number, line in enumerate(lines, start=1):
        try:
            content = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: not JSON: {error}") from error
        if not isinstance(content, dict) or not set(fields) <= content.keys():
            wanted = f" with {', '.join(fields)}" if fields else ""
            raise InputError(f"{path}, line {number}: expected an object{wanted}")
        yield content
