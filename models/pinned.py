"""The space that a folder's model writes for, where it is not its own.

A light query encoder answers for a heavier gallery model: its folder holds `query_encoder.json`
with the gallery's space. read_pin(folder) is that Space, or None where the folder has no such file.
Raises ModelError, one plain line, for a file that is damaged or of another version.
"""

from pathlib import Path

from models.cards import read_card, space_content, space_in, write_card
from models.space import Space

PIN_FILE = "query_encoder.json"
FORMAT = "pictor-query-encoder"
VERSION = 1


def write_pin(folder: Path, space: Space) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT, "version": VERSION, "space": space_content(space)}
    write_card(folder / PIN_FILE, content)


def read_pin(folder: Path) -> Space | None:
    file = folder / PIN_FILE
    if not file.exists():
        return None
    return space_in(read_card(file, FORMAT, VERSION), file)
