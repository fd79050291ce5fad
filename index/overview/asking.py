"""A box of the overview: the pictures that stand for all that lie in it.

overview(gallery, looking, selection) -> Overview. At most `limit` points, best spread first: one
that is shown of a box is shown of every smaller box that it lies in. Each says how many pictures of
the box it stands for, itself included; together that is all of them. Raises InputError for a box or
a limit that is none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.filtering.filters import Filter
from index.filtering.matching import Selection
from index.gallery import Gallery
from index.overview.layout import Points, layout
from models.errors import InputError

MAX_LIMIT = 5_000


@dataclass(frozen=True)
class Box:
    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    def __post_init__(self) -> None:
        # NaN fails the comparison, too
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise InputError("box: expected x0,y0,x1,y1 of 0 to 1, x0 < x1 and y0 < y1")


@dataclass(frozen=True)
class Looking:
    box: Box = Box()
    limit: int = 500
    where: Filter | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise InputError(f"limit is {self.limit}, expected 1 to {MAX_LIMIT}")


@dataclass(frozen=True)
class Point:
    id: str
    x: float  # of 0 to 1
    y: float
    count: int


@dataclass(frozen=True)
class Overview:
    method: str  # what laid the plane out: pca, or umap
    items: int  # that satisfy the filter
    inside: int  # of them in the box
    points: tuple[Point, ...]


def overview(gallery: Gallery, looking: Looking, selection: Selection | None) -> Overview:
    """Of the rows that were selected, where a selection is given."""
    points = layout(gallery)
    if selection is not None:
        points = points.among(selection.among(points.rows))
    inside = points.among(_within(points, looking.box))
    shown = _first(inside, looking.limit)
    counts = _counts(inside, shown)
    ids = gallery.ids(inside.rows[shown])
    places = inside.places[shown].astype(float).round(6).tolist()
    found = zip(ids, places, counts.tolist(), strict=True)
    return Overview(
        method=points.method,
        items=len(points.rows),
        inside=len(inside.rows),
        points=tuple(Point(id_, x, y, count) for id_, (x, y), count in found),
    )


def _within(points: Points, box: Box) -> NDArray[np.bool_]:
    x, y = points.places[:, 0], points.places[:, 1]
    within: NDArray[np.bool_] = (
        (x >= box.left) & (x <= box.right) & (y >= box.top) & (y <= box.bottom)
    )
    return within


def _first(points: Points, limit: int) -> NDArray[np.int64]:
    """The positions of those of least key, in order."""
    keys = points.keys
    least = np.arange(len(keys))
    if len(keys) > limit:
        least = np.argpartition(keys, limit - 1)[:limit]
    return least[np.argsort(keys[least], kind="stable")]


def _counts(points: Points, shown: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each of those shown, how many share their smallest cell with it rather than another."""
    if not len(shown):
        return np.empty(0, np.int64)
    order = np.argsort(points.codes[shown], kind="stable")
    held = points.codes[shown][order]
    after = np.searchsorted(held, points.codes, side="right").clip(1, len(held) - 1 or 1)
    before = after - 1
    after = after.clip(0, len(held) - 1)
    # the fewer low bits two codes differ in, the smaller the cell that they share
    is_before = (points.codes ^ held[before]) <= (points.codes ^ held[after])
    owner = np.where(is_before, before, after)
    counts = np.empty(len(shown), np.int64)
    counts[order] = np.bincount(owner, minlength=len(shown))
    return counts
