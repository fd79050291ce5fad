"""What runs on Ray's workers in tests, and a job in a process of its own.

    python -m tests.index.distant OUT PHOTOS ADDRESS KILLED_AT

runs a job on the cluster at ADDRESS, which is killed once so many files are done.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from index.engines.ray import RayEngine
from index.found import Content
from index.job import JobOptions, Progress, Report, build_collection
from index.jobs.decoders import DecoderLimits
from index.jobs.engine import Engine
from index.sources import FolderSource, FoundImage, Listener, Root, stop_at
from models.decode import DecodeLimits
from models.encoders import ImageEncoder
from models.errors import ImageError
from models.preprocess import Pixels
from models.vectors import Embeddings
from tests.fakes import ColourEncoder
from tests.index.album import source

KILLING, HANGING = (1, 2, 3), (4, 5, 6)  # colours of pictures that a worker does not survive
OPTIONS = JobOptions(threads=2, batch_size=4, checkpoint_rows=8, decoders=DecoderLimits(time_s=5))

Loader = Callable[[str, int], ImageEncoder]


def load(device: str, threads: int) -> ColourEncoder:
    return ColourEncoder()


def is_first(mark: Path) -> bool:
    """Whether nobody has been here before, in any process."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@dataclass(frozen=True)
class MortalModel:
    """Of the workers that embed, one is killed in the middle of its work."""

    mark: Path

    def __call__(self, device: str, threads: int) -> ColourEncoder:
        return _MortalEncoder(self.mark)


class _MortalEncoder(ColourEncoder):
    def __init__(self, mark: Path) -> None:
        super().__init__()
        self._mark = mark

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        if self.encoded_images >= 8 and is_first(self._mark):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode_images(pixels)


@dataclass(frozen=True)
class SlowModel:
    """Takes its time, so that there is a middle to a job."""

    seconds: float = 0.02  # a picture

    def __call__(self, device: str, threads: int) -> ColourEncoder:
        return _SlowEncoder(self.seconds)


class _SlowEncoder(ColourEncoder):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        time.sleep(self._seconds * len(pixels))
        return super().encode_images(pixels)


class MortalEye(ColourEncoder):
    """Reads pictures; those of one colour kill the worker, those of another hang its decoder. With
    a mark, one worker is killed at whatever comes."""

    def __init__(self, mark: Path | None = None) -> None:
        super().__init__()
        self._mark = mark

    def decode(self, data: bytes, limits: DecodeLimits | None = None) -> Image.Image:
        image = super().decode(data, limits)
        colour = image.getpixel((0, 0))
        if colour == KILLING or (self._mark is not None and is_first(self._mark)):
            os.kill(os.getppid(), signal.SIGKILL)
        if colour == HANGING:
            time.sleep(3600)
        return image


@dataclass(frozen=True)
class _OnlyHere:
    content: Content
    process: int

    def read(self, max_bytes: int) -> bytes:
        if os.getpid() != self.process:
            raise ImageError("cannot be read: No such file or directory")
        return self.content.read(max_bytes)


@dataclass(frozen=True)
class Unshared:
    """A folder that no other machine has."""

    folder: FolderSource

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def root(self) -> Root | None:
        return self.folder.root

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        for found in self.folder.walk(failed):
            yield replace(found, content=_OnlyHere(found.content, os.getpid()))


def engine(address: str, loader: Loader = load, eye: ColourEncoder | None = None) -> RayEngine:
    encoder = ColourEncoder()
    return RayEngine(loader, eye or encoder, encoder.spaces, OPTIONS, address)


def run(
    out: Path,
    photos: Path,
    machines: Engine | None,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    return build_collection(
        out,
        [source(photos)],
        ColourEncoder(),
        model="colours",
        options=OPTIONS,
        progress=progress,
        engine=machines,
    )


def main() -> None:
    out, photos, address, killed_at = sys.argv[1:]

    def progress(seen: Progress) -> None:
        if seen.done == int(killed_at):
            os.kill(os.getpid(), signal.SIGKILL)

    run(Path(out), Path(photos), engine(address, SlowModel()) if address else None, progress)


if __name__ == "__main__":
    main()
