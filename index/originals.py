"""The bytes of an item, from one of the files that it was found in.

A file is given out only from inside its root, links followed, and only while its content is still
the item's: a file that was changed since is another picture. A root is a folder or an archive, and
a path may lead into an archive in it: `shard.tar/beach.jpg`. What was sent lies in the collection,
by content.
"""

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from index.folder import CollectionFolder
from index.gps.removal import without_place
from index.items import UPLOADS, Item, Occurrence, upload_path
from index.opened import Checked, InMemory, OpenFile, Original, check, in_memory, open_inside
from index.sourcing.lookup import is_archive, read_member
from models.errors import GoneError, ImageError


@dataclass(frozen=True)
class Giving:
    """How originals are given out: what is remembered of files, and whether their place is told."""

    checked: Checked = field(default_factory=Checked)
    with_place: bool = True


def read_original(item: Item, roots: Mapping[str, Path]) -> bytes:
    """Raises GoneError, naming what was tried, where no file has the item's bytes any more."""
    original = open_original(item, roots, Giving())
    try:
        return original.part(0, original.size)
    finally:
        original.close()


def open_original(item: Item, roots: Mapping[str, Path], giving: Giving) -> Original:
    """For the caller to close. Raises GoneError as `read_original`, and WithheldError where the
    place cannot be left out."""
    reasons = []
    for occurrence in item.occurrences:
        try:
            original = _open(item, occurrence, roots, giving.checked)
        except (OSError, ValueError, ImageError) as error:
            reason = getattr(error, "strerror", None) or error
            reasons.append(f"{occurrence.source}/{occurrence.path}: {reason}")
        else:
            return original if giving.with_place else _without_place(original, item, giving)
    raise GoneError(f"{item.id}: original cannot be read any more: {'; '.join(reasons)}")


def _without_place(
    original: OpenFile | InMemory, item: Item, giving: Giving
) -> OpenFile | InMemory:
    try:
        if isinstance(original, OpenFile):
            return original.edited(giving.checked.edit(original, item.format))
        return InMemory(without_place(original.data, item.format).over(0, original.data))
    except BaseException:
        original.close()
        raise


def _open(
    item: Item, occurrence: Occurrence, roots: Mapping[str, Path], checked: Checked
) -> OpenFile | InMemory:
    if occurrence.source not in roots:
        raise ValueError("its source is not a folder")
    place = roots[occurrence.source]
    if occurrence.source == UPLOADS:
        return check(open_inside(place, upload_path(item.id), item.bytes), item, checked)
    if place.is_file():
        return in_memory(read_member(place, occurrence.path, item.bytes), item)
    archive = _archive_in(Path(os.path.realpath(place)), occurrence.path)
    if archive is not None:
        return in_memory(read_member(*archive, item.bytes), item)
    return check(open_inside(place, occurrence.path, item.bytes), item, checked)


def _archive_in(root: Path, path: str) -> tuple[Path, str] | None:
    """The archive that a path leads into, and the rest of the path."""
    at = path.find("/")
    while at >= 0:
        archive = Path(os.path.realpath(root / path[:at]))
        if is_archive(path[:at]) and archive.is_relative_to(root) and archive.is_file():
            return archive, path[at + 1 :]
        at = path.find("/", at + 1)
    return None


def read_thumbnail(folder: CollectionFolder, id: str) -> bytes:  # noqa: A002
    """A WebP file; raises GoneError where a later generation has dropped the item meanwhile."""
    file = folder.thumbnail(id)
    try:
        opened = open_inside(file.parent.parent, f"{file.parent.name}/{file.name}")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GoneError(f"{id}: thumbnail cannot be read: {reason}") from error
    with closing(opened):
        return opened.part(0, opened.size)
