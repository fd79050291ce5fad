"""JPEG files that cost what photographs do to read, all different, any number and always the same.

The spectrum of natural pictures falls with frequency, somewhat faster than 1 / f once a lens and a
sensor have been at them: a picture is two planes of such noise, laid over each other at an offset
of its own. They show nothing.
"""

import io
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PLANES = 4
COLOUR_SHARE = 0.25  # of what the brightness varies by
CONTRAST = 45.0  # standard deviation, of 255
FALL = 1.4  # of the spectrum: amplitudes as 1 / f^FALL
QUALITY = 85
A_FOLDER = 1000

Size = tuple[int, int]  # width, height


def write_photographs(
    folder: Path, numbers: Sequence[int], size: Size, processes: int
) -> list[Path]:
    """The pictures of these numbers, as files by their number, a thousand a folder."""
    for thousand in {number // A_FOLDER for number in numbers}:
        (folder / f"{thousand:04}").mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        chunk = max(1, min(100, len(numbers) // (4 * processes)))
        return list(pool.map(_write, repeat(folder), numbers, repeat(size), chunksize=chunk))


def _write(folder: Path, number: int, size: Size) -> Path:
    file = folder / f"{number // A_FOLDER:04}" / f"{number:08}.jpg"
    file.write_bytes(photograph(number, size))
    return file


def photograph(number: int, size: Size) -> bytes:
    generator = np.random.default_rng(number)
    planes = _planes(size)
    one, other = generator.choice(PLANES, 2, replace=False)
    moved = np.roll(planes[one], generator.integers(0, min(size), 2), axis=(0, 1))
    tint = generator.normal(128, 20, 3).astype(np.int16)
    samples = (moved + planes[other] + tint).clip(0, 255).astype(np.uint8)
    written = io.BytesIO()
    Image.fromarray(samples).save(written, "JPEG", quality=QUALITY)
    return written.getvalue()


@cache
def _planes(size: Size) -> tuple[NDArray[np.int16], ...]:
    """(height, width, 3) each, around 0; two of them together vary by CONTRAST."""
    generator = np.random.default_rng(0)
    return tuple(_plane(generator, size) for _ in range(PLANES))


def _plane(generator: np.random.Generator, size: Size) -> NDArray[np.int16]:
    brightness, *colours = (_noise(generator, size) for _ in range(4))
    plane = np.stack([brightness + COLOUR_SHARE * colour for colour in colours], axis=-1)
    plane *= CONTRAST / np.sqrt(2) / plane.std()
    return plane.astype(np.int16)


def _noise(generator: np.random.Generator, size: Size) -> NDArray[np.float64]:
    width, height = size
    across, down = np.fft.rfftfreq(width) * width, np.fft.fftfreq(height) * height
    frequency = np.maximum(np.hypot(*np.meshgrid(across, down)), 1) ** FALL
    spectrum = np.fft.rfft2(generator.standard_normal((height, width))) / frequency
    noise: NDArray[np.float64] = np.fft.irfft2(spectrum, (height, width))
    noise /= noise.std()
    return noise
