"""Everything that a run learns from, held in memory and indexed by picture.

Pictures are uint8 (count, px, px, 3), squashed to a square; each has its captions and, where the
run has a teacher, the teacher's unit features of its views: the whole, the whole flipped, and
crops. Raises InputError, naming the file, for anything that is listed and cannot be read.
"""

import csv
import io
import tarfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.tables import read_table
from models.decode import EXTENSIONS, decode
from models.errors import ImageError, InputError
from training.config import CaptionedPictures, NamedClasses, Teacher

WHOLE_AND_FLIPPED = np.array([[0, 0, 1, 1], [1, 0, 0, 1]], dtype=np.float32)


@dataclass(frozen=True)
class Source:
    """A picture before it is decoded: its name below the data folder, bytes, captions."""

    name: str
    data: bytes
    captions: tuple[str, ...]
    is_class: bool


@dataclass(frozen=True)
class Corpus:
    pixels: NDArray[np.uint8]  # (count, px, px, 3)
    captions: tuple[tuple[str, ...], ...]
    is_class: NDArray[np.bool_]  # (count,): its caption is only the name of its class
    features: NDArray[np.float32] | None  # (count, views, teacher dim), unit length
    boxes: NDArray[np.float32]  # (count, views, 4): left, top, right, bottom; left > right: flipped

    def __len__(self) -> int:
        return len(self.pixels)

    @cached_property
    def groups(self) -> tuple[int, ...]:
        """Pictures of one class are of one group, a captioned one is its own: the first's row."""
        first: dict[str, int] = {}
        return tuple(
            first.setdefault(self.captions[row][0], row) if self.is_class[row] else row
            for row in range(len(self))
        )


def captioned_sources(data: Path, section: CaptionedPictures) -> Iterator[Source]:
    captions: dict[str, list[str]] = {}
    for row in read_table(data / section.table, ("file", "split", "caption")):
        if row["split"] == section.split:
            captions.setdefault(row["file"], []).append(row["caption"])
    if not captions:
        raise InputError(f"{data / section.table}: has no row of the split {section.split!r}")
    for file, texts in captions.items():
        path = section.folder / file
        yield Source(path.as_posix(), _read(data / path), tuple(texts), is_class=False)


def class_sources(data: Path, section: NamedClasses) -> Iterator[Source]:
    path = data / section.path
    yield from _tar_classes(path, section) if path.is_file() else _folder_classes(data, section)


def _folder_classes(data: Path, section: NamedClasses) -> Iterator[Source]:
    root = data / section.path
    if not root.is_dir():
        raise InputError(f"{root}: expected a folder of classes")
    for folder in sorted(p for p in root.iterdir() if p.is_dir() and p.name not in section.exclude):
        captions = class_captions(folder.name)
        for file in sorted(p for p in folder.iterdir() if p.suffix.lower() in EXTENSIONS):
            name = file.relative_to(data).as_posix()
            yield Source(name, _read(file), captions, is_class=True)


def _tar_classes(path: Path, section: NamedClasses) -> Iterator[Source]:
    try:
        with tarfile.open(path) as archive:
            table = archive.extractfile(section.names or "")
            rows = csv.reader(io.TextIOWrapper(table or io.BytesIO(), "utf-8"), delimiter="\t")
            names = {row[0]: row[1] for row in rows}
            for member in archive:
                folder = Path(member.name).parent.name
                content = archive.extractfile(member) if folder in names else None
                if content is not None:
                    captions = class_captions(names[folder])
                    yield Source(member.name, content.read(), captions, is_class=True)
    except (OSError, LookupError, UnicodeDecodeError, tarfile.TarError) as error:
        raise InputError(f"{path}: expected a tar with a table {section.names}: {error}") from error


def class_captions(names: str) -> tuple[str, ...]:
    """'rocking chair, rocker' -> a caption for each name."""
    words = [name.strip().replace("_", " ") for name in names.split(",")]
    return tuple(f"a photo of a {word}" for word in words) + tuple(words)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error}") from error


def decode_sources(sources: Iterable[Source], px: int, threads: int) -> NDArray[np.uint8]:
    """Every source's picture, squashed to (px, px)."""

    def squash(source: Source) -> NDArray[np.uint8]:
        try:
            image = decode(source.data)
        except ImageError as error:
            raise InputError(f"{source.name}: {error}") from error
        return np.asarray(image.resize((px, px), Image.Resampling.BICUBIC))

    with ThreadPoolExecutor(threads) as pool:
        return np.stack(list(pool.map(squash, sources)))


def build_corpus(
    sources: list[Source], pixels: NDArray[np.uint8], data: Path, teacher: Teacher | None
) -> Corpus:
    features, boxes = None, np.tile(WHOLE_AND_FLIPPED, (len(sources), 1, 1))
    if teacher:
        features, crops = _read_teacher([s.name for s in sources], data, teacher)
        boxes = np.concatenate([boxes, crops], axis=1)
    return Corpus(
        pixels=pixels,
        captions=tuple(source.captions for source in sources),
        is_class=np.array([source.is_class for source in sources]),
        features=features,
        boxes=boxes,
    )


def _read_teacher(
    names: list[str], data: Path, teacher: Teacher
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    lines = _read(data / teacher.files).decode().split("\n")
    row_of = {line: row for row, line in enumerate(lines)}
    if unknown := [name for name in names if name not in row_of]:
        raise InputError(f"{data / teacher.files}: has no line for {unknown[0]}")
    rows = [row_of[name] for name in names]
    features, boxes = _load_array(data / teacher.features), _load_array(data / teacher.boxes)
    if min(len(features), len(boxes)) <= max(rows) or features.shape[1] != boxes.shape[1] + 2:
        raise InputError(
            f"{data / teacher.features}: {features.shape} does not go with boxes "
            f"{boxes.shape} and {max(rows) + 1} lines of {teacher.files}"
        )
    features = features[rows].astype(np.float32)
    features /= np.linalg.norm(features, axis=-1, keepdims=True)
    return features, boxes[rows]


def _load_array(path: Path) -> np.ndarray:
    try:
        array: np.ndarray = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as an array: {error}") from error
    return array
