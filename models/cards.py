"""The JSON file that says what a folder of ours holds: its format, its version, and a space.

read_card(file, format, version) -> the object in it. Raises ModelError, one plain line, for a file
that cannot be read, or is of another format or version.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.errors import ModelError
from models.files import write_whole
from models.space import Space


def read_card(file: Path, format_name: str, version: int) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file}: cannot be read as JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != format_name:
        raise ModelError(f"{file}: expected a JSON object with the format {format_name!r}")
    if content.get("version") != version:
        raise ModelError(f"{file}: version {content.get('version')!r}, this Pictor reads {version}")
    return content


def write_card(file: Path, content: Mapping[str, Any]) -> None:
    write_whole(file, (json.dumps(content, indent=2) + "\n").encode())


def space_content(space: Space) -> dict[str, Any]:
    return {"model": space.model, "revision": space.revision, "dimension": space.dimension}


def space_in(content: Mapping[str, Any], file: Path) -> Space:
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
