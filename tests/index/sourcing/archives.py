"""Archives as other programs write them, and as nobody should."""

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

from index.found import FoundImage
from index.items import Failure
from index.sources import ImageSource
from tests.fakes import picture_bytes

RED, BLUE = picture_bytes("red"), picture_bytes("blue")
LONG_AGO = 1_000_000_000
MAX_BYTES = 1_000_000


def tar_of(path: Path, files: dict[str, bytes]) -> Path:
    """Written long ago, so that it has a stamp."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as opened:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def zip_of(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def link(name: str, mode: int = stat.S_IFLNK) -> zipfile.ZipInfo:
    """A link, or what else the mode says, in a zip."""
    member = zipfile.ZipInfo(name)
    member.create_system, member.external_attr = 3, (mode | 0o644) << 16
    return member


def walked(source: ImageSource) -> tuple[list[FoundImage], list[Failure]]:
    failures: list[Failure] = []
    return list(source.walk(failures.append)), failures


def contents(found: list[FoundImage]) -> dict[str, bytes]:
    return {each.path: each.read(MAX_BYTES) for each in found}
