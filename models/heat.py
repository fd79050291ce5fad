"""Which parts of a picture match a text: the seam, and the way from a picture to looks and back.

A look is one square of a picture as a model's image tower reads it, and the box of the picture that
it shows, in shares of width and height. A tower that squashes pictures has one look, of all of it;
one that crops their middle has several in a row, which together show all, the ends included. A map
(rows, columns) float32 covers the whole upright picture evenly, whatever the looks were: the
higher, the more a part speaks for the text. Numbers of two maps cannot be compared.

`surface` makes of a map what is shown: enlarged, smoothed, 0 to 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.preprocess import Pixels, Preprocessing
from models.vectors import Vector

Map = NDArray[np.float32]  # (rows, columns)

MOST_LOOKS = 4
LONG_SIDE = 64  # of a surface
SMOOTHING = 1 / 32  # a deviation, in shares of the long side


@dataclass(frozen=True)
class Look:
    pixels: Pixels
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Looks:
    """Of one picture, whose upright size is told in pixels."""

    looks: tuple[Look, ...]
    width: int
    height: int


@dataclass(frozen=True)
class HeatAsked:
    looks: Looks
    text: Vector  # (dim,), as `encode_texts` gives it


@runtime_checkable
class HeatEncoder(Protocol):
    """A model that can tell which parts of a picture match a text."""

    @property
    def has_heat(self) -> bool:
        """False where this model's tower has no such map after all."""
        ...

    def looks(self, image: Image.Image) -> Looks:
        """RGB picture -> looks; runs on the CPU, in any thread; raises NoHeatError."""
        ...

    def heat(self, asked: Sequence[HeatAsked]) -> list[Map]:
        """One map each. Raises NoHeatError, and ModelMemoryError as `encode_images` does."""
        ...


def looks_of(image: Image.Image, preprocessing: Preprocessing, scale: int) -> Looks:
    """The picture as a tower reads it, at `scale` times the tower's usual size."""
    squash = replace(
        preprocessing,
        resize_mode="squash",
        resize_to=None,
        height=preprocessing.height * scale,
        width=preprocessing.width * scale,
    )
    boxes = [(0.0, 0.0, 1.0, 1.0)]
    if preprocessing.resize_mode != "squash":
        boxes = _boxes(image.size, preprocessing.width / preprocessing.height)
    looks = (Look(squash.pixels(_part(image, box)), *box) for box in boxes)
    return Looks(tuple(looks), *image.size)


def _boxes(size: tuple[int, int], aspect: float) -> list[tuple[float, float, float, float]]:
    """Of a tower's aspect, side by side from one end of the picture to the other."""
    width, height = size
    ratio = width / height / aspect
    count = min(MOST_LOOKS, math.ceil(max(ratio, 1 / ratio) - 0.05))
    share = max(1 / count, min(ratio, 1 / ratio))
    starts = [0.0] if count == 1 else [n * (1 - share) / (count - 1) for n in range(count)]
    if count == 1:
        share = 1.0
    if ratio >= 1:
        return [(start, 0.0, start + share, 1.0) for start in starts]
    return [(0.0, start, 1.0, start + share) for start in starts]


def _part(image: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    if box == (0.0, 0.0, 1.0, 1.0):
        return image
    across, down = image.size
    left, top, right, bottom = box
    left, right = round(left * across), max(round(right * across), round(left * across) + 1)
    top, bottom = round(top * down), max(round(bottom * down), round(top * down) + 1)
    return image.crop((left, top, right, bottom))


def joined(looks: Looks, maps: Sequence[Map]) -> Map:
    """One map a look -> one of the whole picture; where looks overlap, their mean."""
    if len(maps) == 1:
        return maps[0]
    first, rows, columns = looks.looks[0], *maps[0].shape
    shape = (
        round(rows / (first.bottom - first.top)),
        round(columns / (first.right - first.left)),
    )
    total, weights = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    down, across = _centres(shape[0]), _centres(shape[1])
    for look, held in zip(looks.looks, maps, strict=True):
        ys = (down >= look.top) & (down <= look.bottom)
        xs = (across >= look.left) & (across <= look.right)
        within = np.ix_(ys, xs)
        y = (down[ys] - look.top) / (look.bottom - look.top)
        x = (across[xs] - look.left) / (look.right - look.left)
        total[within] += _read(held, y, x)
        weights[within] += 1
    whole: Map = (total / np.maximum(weights, 1)).astype(np.float32)
    return whole


def _centres(count: int) -> NDArray[np.float64]:
    return (np.arange(count) + 0.5) / count


def _read(held: Map, y: NDArray[np.float64], x: NDArray[np.float64]) -> Map:
    """(len(y), len(x)): linearly between the centres of its cells, level beyond the outer ones."""
    rows, columns = held.shape
    across = np.stack([np.interp(x, _centres(columns), row) for row in held])
    down = [np.interp(y, _centres(rows), column) for column in across.T]
    return np.stack(down, axis=1).astype(np.float32)


def surface(held: Map, width: int, height: int) -> Map:
    """A map of a picture of this size -> (h, w) of 0 to 1, LONG_SIDE on its long side."""
    scale = LONG_SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    enlarged = np.asarray(
        Image.fromarray(held.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    )
    return scaled(_smoothed(_smoothed(enlarged).T).T)


def scaled(held: Map) -> Map:
    """With its least number 0 and its greatest 1; all 0 where they are alike."""
    least, span = held.min(), np.ptp(held)
    if not span > 0:
        return np.zeros_like(held)
    between: Map = ((held - least) / span).astype(np.float32)
    return between


def _smoothed(held: Map) -> Map:
    """By a Gaussian along the rows."""
    deviation = SMOOTHING * LONG_SIDE
    reach = round(3 * deviation)
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * deviation**2))
    padded = np.pad(held, ((0, 0), (reach, reach)), "edge")
    convolved = np.apply_along_axis(np.convolve, 1, padded, weights / weights.sum(), "valid")
    smooth: Map = convolved.astype(np.float32)
    return smooth


def peak(shown: Map) -> tuple[float, float]:
    """Where a surface is highest: x, y in shares of the picture's width and height."""
    row, column = np.unravel_index(int(np.argmax(shown)), shown.shape)
    return (float(column) + 0.5) / shown.shape[1], (float(row) + 0.5) / shown.shape[0]
