"""Captions and metadata that stand beside a picture, in files of its name.

`beach.txt` beside `beach.jpg`: UTF-8, stripped, cut after 4,000 characters. `beach.json`: an
object; its `caption` is the caption where no .txt has one, its other scalar values are metadata,
and its lists of them, as of tags; the rest is left out. Raises SidecarError for a file that is not
of that form, and for metadata that cannot be written down: no number out of range, no half of a
character, no endless list of names.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TypeGuard

from index.items import Fact, Metadata, Scalar
from models.errors import InputError

MAX_CAPTION = 4_000
MAX_BYTES = 256 * 1024
MAX_NAMES = 200  # of one picture's metadata
MAX_NAME = 200
MAX_INTEGER = 2**63  # what SQLite, and every table, can hold


class SidecarError(InputError):
    """A caption file that cannot be read as one."""


@dataclass(frozen=True)
class Sidecar:
    caption: str | None = None
    metadata: Metadata = field(default_factory=dict)


def read_sidecar(file: Path) -> Sidecar:
    try:
        with file.open("rb") as opened:
            return parse_sidecar(file.name, opened.read(MAX_BYTES + 1))
    except OSError as error:
        raise SidecarError(f"cannot be read: {error.strerror}") from error


def parse_sidecar(name: str, data: bytes) -> Sidecar:
    """Of the bytes of a .txt or .json file, by its name."""
    if len(data) > MAX_BYTES:
        raise SidecarError(f"over {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SidecarError(f"not UTF-8: {error.reason} at byte {error.start}") from error
    return _of_json(text) if name.lower().endswith(".json") else Sidecar(_caption(text))


def _of_json(text: str) -> Sidecar:
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SidecarError(f"not JSON: {error}") from error
    if not isinstance(content, dict):
        raise SidecarError("expected a JSON object")
    return described(content.pop("caption", None), content)


def described(caption: object, entry: Mapping[str, object]) -> Sidecar:
    """What a file or a table's row says of a picture: the entry's scalars and lists of them."""
    if caption is not None and not isinstance(caption, str):
        raise SidecarError("caption: expected a string")
    metadata = {key: value for key, value in entry.items() if _is_fact(value)}
    _refuse_unwritable(caption, metadata)
    cut = {key: _cut(value) for key, value in metadata.items()}
    return Sidecar(_caption(caption or ""), cut)


def _is_fact(value: object) -> TypeGuard[Fact]:
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, str | int | float) for each in value)
    return isinstance(value, str | int | float)


def _cut(value: Fact) -> Fact:
    if isinstance(value, list):
        return [each[:MAX_CAPTION] if isinstance(each, str) else each for each in value]
    return value[:MAX_CAPTION] if isinstance(value, str) else value


def _caption(text: str) -> str | None:
    return text.strip()[:MAX_CAPTION].rstrip() or None


def _refuse_constant(name: str) -> NoReturn:
    raise SidecarError(f"{name} is not a number that JSON knows")


def _refuse_unwritable(caption: str | None, metadata: Metadata) -> None:
    if len(metadata) > MAX_NAMES or any(len(key) > MAX_NAME for key in metadata):
        raise SidecarError(f"over {MAX_NAMES} names, or one of over {MAX_NAME} characters")
    for key, value in _scalars({"caption": caption or "", **metadata}):
        if _is_out_of_range(value):
            raise SidecarError(f"{key!a}: number out of range")
        try:
            f"{key}{value if isinstance(value, str) else ''}".encode()
        except UnicodeEncodeError as error:
            raise SidecarError(f"{key!a}: holds half of a character") from error


def _scalars(metadata: Metadata) -> Iterator[tuple[str, Scalar]]:
    for key, value in metadata.items():
        for each in value if isinstance(value, list) else [value]:
            yield key, each


def _is_out_of_range(value: Scalar) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and not -MAX_INTEGER <= value < MAX_INTEGER
