"""The names of an archive's members, and what stands beside a picture in one.

Nothing is ever unpacked: a member is read where it lies. Its name is a path within its archive, and
one that would lead out of it, were it unpacked, is refused by MemberError.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from index.found import is_utf8
from index.sourcing.sidecars import Sidecar, parse_sidecar
from models.decode import EXTENSIONS
from models.errors import InputError

DRIVE = re.compile(r"[A-Za-z]:")
RESOURCES = "__MACOSX"  # beside every file that a Mac packs
SIDECARS = (".txt", ".json")


class MemberError(InputError):
    """A member that will not be read, and why."""


def inner_path(name: str) -> str:
    """posix, without empty parts and dots: "./a//b.jpg" is "a/b.jpg"."""
    if not is_utf8(name):
        raise MemberError("its name is not UTF-8")
    if "\0" in name or name.startswith(("/", "\\")) or DRIVE.match(name):
        raise MemberError("its name is no path within an archive")
    if ".." in re.split(r"[/\\]", name):
        raise MemberError("its name leads out of the archive")
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def shown(name: str) -> str:
    """A name that can be written down, for any."""
    return (
        name.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "\ufffd")
    )


def is_hidden(path: str) -> bool:
    return any(part.startswith(".") or part == RESOURCES for part in path.split("/"))


def is_picture(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in EXTENSIONS


def beside(files: Mapping[str, Callable[[], bytes]], failed: Callable[[str, str], None]) -> Sidecar:
    """A picture's caption and metadata, from the files beside it, by name."""
    text = data = Sidecar()
    for name, read in files.items():
        try:
            sidecar = parse_sidecar(name, read())
        except InputError as error:
            failed(name, f"caption file: {error}")
            continue
        if name.lower().endswith(SIDECARS[0]):
            text = sidecar
        else:
            data = sidecar
    return Sidecar(text.caption or data.caption, data.metadata)
