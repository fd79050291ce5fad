"""The lines of a file, none of them without an end.

numbered_lines(path) -> each line's bytes, with its place. A line that is too long is told to
`refused` and passed over; so is what stands behind a place that cannot be read.
"""

from collections.abc import Callable, Iterator

from index.items import WHOLE, Failure
from index.sourcing.files import File
from models.errors import InputError

MAX_LINE_BYTES = 16 * 1024 * 1024

Refused = Callable[[str, str], None]  # a place, and the reason


def but_rows(file: File) -> Refused:
    """Passes over what is the matter with a row: that is told when rows are read. Raises InputError
    for what is the matter with the file."""

    def refused(where: str, reason: str) -> None:
        if where == str(file):
            raise InputError(f"{where}: {reason}")

    return refused


def failure_of(source: str, file: File, where: str, reason: str) -> Failure:
    """Of what was refused at a row of that file; or by the file's own place, of what nobody has
    seen of it."""
    if where == str(file):
        return Failure(source, WHOLE, f"{file.name}: {reason}")
    return Failure(source, where.removeprefix(f"{file.parent}/"), reason)


def numbered_lines(path: File, refused: Refused) -> Iterator[tuple[str, bytes]]:
    number, within = 0, False
    try:
        with path.open("rb") as lines:
            while line := lines.readline(MAX_LINE_BYTES + 1):
                number += not within
                too_long = len(line) > MAX_LINE_BYTES
                if too_long and not within:
                    refused(f"{path}, line {number}", f"over {MAX_LINE_BYTES} bytes")
                if not too_long and not within:
                    yield f"{path}, line {number}", line
                within = (too_long or within) and not line.endswith(b"\n")
    except OSError as error:
        refused(str(path), f"cannot be read: {error.strerror}")
