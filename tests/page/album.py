"""A small album with all that can be filtered by, and servers over copies of it.

Seven pictures of one colour each; what they are is written down here, so that every count can be
worked out.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import ExifTags, Image

from tests.service.started import REPOSITORY, Started, started

PICTOR = [sys.executable, "-m", "cli.main"]


@dataclass(frozen=True)
class Photo:
    path: str
    taken: str | None
    camera: str | None
    tags: list[str]
    caption: str
    size: tuple[int, int] = (320, 240)
    colour: tuple[int, int, int] = field(default=(90, 90, 90))


CANON, PIXEL = "Canon R6", "Pixel 7"
PHOTOS = [
    Photo(
        "norway/fjord/a.jpg", "2019:07:02", CANON, ["water"], "a fjord", (800, 600), (20, 60, 200)
    ),
    Photo(
        "norway/fjord/b.jpg",
        "2019:07:03",
        CANON,
        ["water", "family"],
        "a boat",
        colour=(40, 90, 220),
    ),
    Photo("norway/town/c.jpg", "2019:08:10", PIXEL, ["street"], "a street", colour=(200, 40, 40)),
    Photo(
        "lisbon/d.jpg", "2022:05:01", PIXEL, ["street", "family"], "a tram", colour=(240, 220, 40)
    ),
    Photo("lisbon/e.jpg", "2022:05:20", PIXEL, [], "a roof", (1800, 1200), (230, 120, 30)),
    Photo("lisbon/f.jpg", "2022:11:09", CANON, ["street"], "a hill", colour=(60, 160, 60)),
    Photo("sea/g.jpg", None, None, ["water"], "the sea", colour=(10, 120, 160)),
]


def make_album(folder: Path) -> Path:
    """The pictures with their sidecars, and a collection of them; its path."""
    for photo in PHOTOS:
        file = folder / "pictures" / photo.path
        file.parent.mkdir(parents=True, exist_ok=True)
        _picture(photo).save(file, exif=_exif(photo))
        said = {"caption": photo.caption, "tags": photo.tags}
        file.with_suffix(".json").write_text(json.dumps(said))
    collection = folder / "collection"
    _pictor("index", str(folder / "pictures"), "--out", str(collection))
    return collection


def make_key(collection: Path, name: str, *scopes: str) -> str:
    given = [part for scope in scopes for part in ("--scope", scope)]
    return _pictor("keys", str(collection), "create", "--name", name, *given).strip()


def copy_of(collection: Path, folder: Path) -> Path:
    """Another collection of the same pictures, to be changed."""
    return Path(shutil.copytree(collection, folder / "copy"))


@contextmanager
def serving(collection: Path, *options: str) -> Iterator[Started]:
    with started([*PICTOR, "serve", str(collection), "--port", "0", *options]) as server:
        yield server


def _pictor(*arguments: str) -> str:
    done = subprocess.run(
        [*PICTOR, *arguments], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    return done.stdout


def _picture(photo: Photo) -> Image.Image:
    picture = Image.new("RGB", photo.size, photo.colour)
    # a corner of another colour, so that no two are alike
    picture.paste((255, 255, 255), (0, 0, 20 + 5 * len(photo.path), 30))
    return picture


def _exif(photo: Photo) -> Image.Exif:
    exif = Image.Exif()
    if photo.camera:
        exif[ExifTags.Base.Model] = photo.camera
    if photo.taken:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"{photo.taken} 12:00:00"
    return exif
