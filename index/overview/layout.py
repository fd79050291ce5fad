"""Where every item of one state of a collection lies.

A generation's places come from the file that the job has made; what the file does not cover, and
what was added live, is placed by the projection that the file keeps, so that a new picture moves no
other. A collection without the file is laid out in memory as long as it is small, by a projection
that is kept until twice as much was added or has left; OverviewError is raised for a large one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.gallery import Gallery, Rows
from index.overview.levels import Codes, Levels, codes, levels
from index.overview.projection import Places, Projection, fit, spread_rows
from models.errors import OverviewError

IN_MEMORY = 50_000  # items
SEED = np.uint64(0x9E3779B97F4A7C15)

Keys = NDArray[np.uint64]


@dataclass(frozen=True)
class Points:
    """Rows of a gallery, where they lie, and which of them is shown first: that of least key."""

    rows: Rows
    places: Places
    codes: Codes
    keys: Keys

    def among(self, chosen: NDArray[np.bool_]) -> "Points":
        return Points(self.rows[chosen], self.places[chosen], self.codes[chosen], self.keys[chosen])


def layout(gallery: Gallery) -> Points:
    """Of every row that lives."""
    return gallery.once("overview", lambda: _layout(gallery))


def _layout(gallery: Gallery) -> Points:
    projection = projection_of(gallery)
    published = gallery.published
    frozen = _frozen(gallery, projection)
    rows = gallery.rows
    living = np.zeros(published, dtype=np.bool_)
    living[rows[rows < published]] = True
    added = rows[rows >= published]
    live = _points(added, projection.place(gallery.units(added, gallery.spaces[-1])))
    parts = (frozen.among(living), live)
    return Points(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.places for part in parts]),
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.keys for part in parts]),
    )


def projection_of(gallery: Gallery) -> Projection:
    if gallery.overview is not None:
        return gallery.overview.projection
    if gallery.count > IN_MEMORY:
        raise OverviewError(
            f"no overview was made of these {gallery.count} items: `pictor index --out` makes one"
        )
    return gallery.once_a_while("overview projection", lambda: _fitted(gallery))


def _fitted(gallery: Gallery) -> Projection:
    rows = gallery.rows[spread_rows(gallery.count)]
    return fit(gallery.units(rows, gallery.spaces[-1]))


def _frozen(gallery: Gallery, projection: Projection) -> Points:
    """Of all published rows; those of a projection in memory are kept for one state alone."""
    if gallery.overview is None:
        return _placed(gallery, projection)
    return gallery.once_a_generation("overview", lambda: _placed(gallery, projection))


def _placed(gallery: Gallery, projection: Projection) -> Points:
    made = np.empty((0, 2), np.float32) if gallery.overview is None else gallery.overview.places
    others = projection.place_all(gallery.published_units(gallery.spaces[-1], len(made)))
    return _points(np.arange(gallery.published), np.concatenate([made, others]))


def _points(rows: Rows, places: Places) -> Points:
    cells = codes(places)
    return Points(rows, places, cells, _keys(levels(cells, places), rows))


def _keys(found: Levels, rows: Rows) -> Keys:
    """By level; within a level in an order without a pattern, so that a part of it is spread."""
    mixed = (rows.astype(np.uint64) + np.uint64(1)) * SEED >> np.uint64(8)
    return (found.astype(np.uint64) << np.uint64(56)) | mixed
