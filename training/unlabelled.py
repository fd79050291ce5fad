"""Pictures without a word, for distillation: the light tower's pixels and the gallery's embeddings.

Of each picture the views are the whole and, drawn by the run's seed, crops of it; of each view the
mirror image too. The gallery model sees every view once, prepared as it prepares any picture; its
embeddings are kept in a file beside the run's checkpoints, named by a digest of all that they
depend on. Raises InputError, naming the file, for a source that is missing, empty or unreadable.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.tables import read_table
from models.decode import EXTENSIONS, decode
from models.encoders import ImageEncoder
from models.errors import ImageError, InputError
from models.preprocess import Pixels, Preprocessing
from training.config import IsaConfig, Pictures
from training.scene_corpus import build_scene_corpus
from training.state import Report

CHUNK = 128  # pictures
REPORT_EVERY = 40  # chunks

# left, top, right, bottom in 0..1
Box = tuple[float, float, float, float]
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Picture:
    """Before it is decoded: its name, and its file's bytes or its RGB pixels."""

    name: str
    data: bytes | NDArray[np.uint8]

    def image(self) -> Image.Image:
        if not isinstance(self.data, bytes):
            return Image.fromarray(self.data)
        try:
            return decode(self.data)
        except ImageError as error:
            raise InputError(f"{self.name}: {error}") from error


@dataclass(frozen=True)
class ViewCorpus:
    pixels: NDArray[np.uint8]  # (pictures, views, height, width, 3), prepared for the light tower
    targets: NDArray[np.float32]  # (pictures, views, 2, dim): raw, as it is and mirrored

    def __len__(self) -> int:
        return len(self.pixels)


def gather_pictures(config: IsaConfig, workers: int) -> list[Picture]:
    pictures = [one for section in config.pictures for one in _section(config.data, section)]
    if config.scenes:
        drawn = build_scene_corpus(config.scenes, config.picture_px, config.out, workers).pixels
        pictures += [Picture(f"scene {row}", pixels) for row, pixels in enumerate(drawn)]
    return pictures


def build_view_corpus(
    config: IsaConfig,
    pictures: list[Picture],
    encoder: ImageEncoder,
    light: Preprocessing,
    report: Report,
) -> ViewCorpus:
    """Every view's pixels, and its embeddings from the file where they are there already."""
    views = 1 + config.crops
    file = config.out / f"gallery-{_digest(config, pictures, encoder)}.npy"
    known = np.load(file) if file.exists() else None
    pixels = np.empty((len(pictures), views, light.height, light.width, 3), dtype=np.uint8)
    dimension = sum(space.dimension for space in encoder.spaces)
    targets = np.empty((len(pictures), views, 2, dimension), dtype=np.float32)
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(pictures), CHUNK):
            rows = range(start, min(start + CHUNK, len(pictures)))
            cut = list(pool.map(lambda row: _views(pictures[row], row, config), rows))
            flat = [view for of_one in cut for view in of_one]
            pixels[rows] = _stacked(list(pool.map(light.pixels, flat)), len(rows))
            if known is None:
                prepared = list(pool.map(encoder.prepare, flat))
                targets[rows] = _both_ways(encoder, prepared).reshape(targets[rows].shape)
            if (start // CHUNK + 1) % REPORT_EVERY == 0:
                report(f"pictures {rows.stop}/{len(pictures)}")
    if known is None:
        _keep(file, targets)
    return ViewCorpus(pixels, targets if known is None else known)


def crop_boxes(seed: int, row: int, count: int, smallest: float) -> list[Box]:
    """Of picture `row`, each with sides of at least that share of the picture's."""
    random = np.random.default_rng([seed, row])
    boxes = []
    for width, height in random.uniform(smallest, 1, size=(count, 2)):
        left, top = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
        boxes.append((left, top, left + width, top + height))
    return boxes


def _views(picture: Picture, row: int, config: IsaConfig) -> list[Image.Image]:
    image = picture.image()
    boxes = [WHOLE, *crop_boxes(config.seed, row, config.crops, config.smallest_crop)]
    return [_cut(image, box) for box in boxes]


def _cut(image: Image.Image, box: Box) -> Image.Image:
    if box == WHOLE:
        return image
    left, top = int(box[0] * image.width), int(box[1] * image.height)
    right, bottom = round(box[2] * image.width), round(box[3] * image.height)
    return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def _stacked(pixels: list[Pixels], pictures: int) -> NDArray[np.uint8]:
    return np.stack(pixels).reshape(pictures, -1, *pixels[0].shape)


def _both_ways(encoder: ImageEncoder, prepared: list[Pixels]) -> NDArray[np.float32]:
    """(views, 2, dim)."""
    mirrored = [np.ascontiguousarray(view[:, ::-1]) for view in prepared]
    return np.stack([encoder.encode_images(prepared), encoder.encode_images(mirrored)], axis=1)


def _section(data: Path, section: Pictures) -> Iterator[Picture]:
    path = data / section.path
    wanted = _named_in(data, section)
    found = _in_tar(path) if path.is_file() else _in_folder(path)
    count = 0
    for inner, picture in found:
        if wanted is None or inner in wanted:
            count += 1
            yield picture
    if not count or (wanted is not None and count != len(wanted)):
        expected = "pictures" if wanted is None else f"{len(wanted)} pictures of {section.table}"
        raise InputError(f"{path}: expected {expected}, found {count}")


def _named_in(data: Path, section: Pictures) -> set[str] | None:
    if section.table is None:
        return None
    rows = read_table(data / section.table, ("file", "split"))
    return {row["file"] for row in rows if row["split"] == section.split}


def _in_folder(folder: Path) -> Iterator[tuple[str, Picture]]:
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in EXTENSIONS and file.is_file():
            try:
                picture = Picture(str(file), file.read_bytes())
            except OSError as error:
                raise InputError(f"{file}: {error}") from error
            yield file.relative_to(folder).as_posix(), picture


def _in_tar(path: Path) -> Iterator[tuple[str, Picture]]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                is_picture = PurePosixPath(member.name).suffix.lower() in EXTENSIONS
                content = archive.extractfile(member) if is_picture else None
                if content is not None:
                    yield member.name, Picture(f"{path}: {member.name}", content.read())
    except (OSError, tarfile.TarError) as error:
        raise InputError(f"{path}: cannot be read as a tar of pictures: {error}") from error


def _digest(config: IsaConfig, pictures: list[Picture], encoder: ImageEncoder) -> str:
    names = " ".join(space.name for space in encoder.spaces)
    digest = hashlib.sha256(f"{names} {config.seed} {config.crops} {config.smallest_crop}".encode())
    for picture in pictures:
        data = picture.data
        digest.update(data if isinstance(data, bytes) else np.ascontiguousarray(data).tobytes())
    return digest.hexdigest()[:16]


def _keep(file: Path, targets: NDArray[np.float32]) -> None:
    unfinished = file.with_suffix(".tmp.npy")
    np.save(unfinished, targets)
    unfinished.replace(file)
