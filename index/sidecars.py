"""Captions and metadata that stand beside a picture, in files of its name.

`beach.txt` beside `beach.jpg`: UTF-8, stripped, cut after 4,000 characters. `beach.json`: an
object; its `caption` is the caption where no .txt has one, its other scalar values are metadata,
the rest is left out. Raises SidecarError for a file that is not of that form.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from index.items import Metadata
from models.errors import InputError

MAX_CAPTION = 4_000
MAX_BYTES = 256 * 1024


class SidecarError(InputError):
    """A caption file that cannot be read as one."""


@dataclass(frozen=True)
class Sidecar:
    caption: str | None = None
    metadata: Metadata = field(default_factory=dict)


def read_text(file: Path) -> Sidecar:
    return Sidecar(_caption(_decoded(file)))


def read_json(file: Path) -> Sidecar:
    try:
        content = json.loads(_decoded(file), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise SidecarError(f"not JSON: {error}") from error
    if not isinstance(content, dict):
        raise SidecarError("expected a JSON object")
    caption = content.pop("caption", None)
    if caption is not None and not isinstance(caption, str):
        raise SidecarError("caption: expected a string")
    metadata = {key: value for key, value in content.items() if _is_scalar(value)}
    _refuse_unwritable(caption, metadata)
    return Sidecar(_caption(caption or ""), metadata)


def _decoded(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise SidecarError(f"over {MAX_BYTES} bytes")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise SidecarError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SidecarError(f"not UTF-8: {error.reason} at byte {error.start}") from error


def _caption(text: str) -> str | None:
    return text.strip()[:MAX_CAPTION].rstrip() or None


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


def _refuse_constant(name: str) -> NoReturn:
    raise SidecarError(f"{name} is not a number that JSON knows")


def _refuse_unwritable(caption: str | None, metadata: Metadata) -> None:
    for key, value in {"caption": caption or "", **metadata}.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise SidecarError(f"{key!a}: number out of range")
        try:
            f"{key}{value if isinstance(value, str) else ''}".encode()
        except UnicodeEncodeError as error:
            raise SidecarError(f"{key!a}: holds half of a character") from error
