"""The space that a folder's model writes for, where it is not its own.

A light query encoder answers for a heavier gallery model: its folder holds `query_encoder.json`
with the gallery's space. read_pin(folder) is that Space, or None where the folder has no such file.
The same words for a space, and the same way to write a file, serve models/phi.py. Raises
ModelError, one plain line, for a file that is damaged or of another version.
"""

import json
import os
from pathlib import Path
from typing import Any

from models.errors import ModelError
from models.space import Space

PIN_FILE = "query_encoder.json"
FORMAT = "pictor-query-encoder"
VERSION = 1


def write_pin(folder: Path, space: Space) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT, "version": VERSION, "space": space_content(space)}
    write_whole(folder / PIN_FILE, (json.dumps(content, indent=2) + "\n").encode())


def read_pin(folder: Path) -> Space | None:
    file = folder / PIN_FILE
    if not file.exists():
        return None
    return space_in(read_content(file, FORMAT, VERSION), file)


def space_content(space: Space) -> dict[str, Any]:
    return {"model": space.model, "revision": space.revision, "dimension": space.dimension}


def space_in(content: dict[str, Any], file: Path) -> Space:
    """The Space under `space` of that file's content."""
    space = content.get("space")
    if not isinstance(space, dict):
        raise ModelError(f"{file}: space: expected an object, got {space!r}")
    for field in ("model", "revision"):
        if not isinstance(space.get(field), str) or not space[field]:
            raise ModelError(f"{file}: space.{field}: expected words, got {space.get(field)!r}")
    dimension = space.get("dimension")
    # true is a whole number to isinstance
    if not isinstance(dimension, int) or isinstance(dimension, bool) or dimension < 1:
        raise ModelError(f"{file}: space.dimension: expected a whole number, got {dimension!r}")
    return Space(space["model"], space["revision"], dimension)


def read_content(file: Path, format_name: str, version: int) -> dict[str, Any]:
    """The JSON object in a file of this format and version."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file}: cannot be read as JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != format_name:
        raise ModelError(f"{file}: expected a JSON object with the format {format_name!r}")
    if content.get("version") != version:
        raise ModelError(f"{file}: version {content.get('version')!r}, this Pictor reads {version}")
    return content


def write_whole(file: Path, data: bytes) -> None:
    """Written whole or not at all."""
    unfinished = file.with_name(f"{file.name}.tmp")
    with unfinished.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(file)
