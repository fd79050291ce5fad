"""Where every item of one state of a collection lies.

A plane is made when a generation's overview is first asked for, in memory, and kept until the
collection has twice as many items: what is added meanwhile is placed by its projection and moves no
other. It costs some 24 bytes an item, and a pass over the vectors of the space that pictures are
compared in. Nothing else of the gallery waits for it.
"""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.gallery import Gallery, Rows
from index.overview.levels import Codes, Levels, codes, levels
from index.overview.projection import Places, Projection, fit, spread_rows

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


class Plane:
    """A projection, and where it has the published rows, dead ones included; made once."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._made: tuple[Projection, Points] | None = None

    def of(self, gallery: Gallery) -> tuple[Projection, Points]:
        with self._making:
            if self._made is None:
                space = gallery.spaces[-1]
                sample = gallery.rows[spread_rows(gallery.count)]
                projection = fit(gallery.units(sample, space))
                places = projection.place_all(gallery.published_units(space))
                self._made = projection, _points(np.arange(gallery.published), places)
            return self._made


def layout(gallery: Gallery) -> Points:
    """Of every row that lives."""
    doubled = (gallery.count // max(1, gallery.published)).bit_length()
    plane = gallery.once_a_generation(("overview", doubled), Plane)
    projection, published = plane.of(gallery)
    return gallery.once("overview", lambda: _living(gallery, projection, published))


def _living(gallery: Gallery, projection: Projection, published: Points) -> Points:
    rows = gallery.rows
    alive = np.zeros(gallery.published, dtype=np.bool_)
    alive[rows[rows < gallery.published]] = True
    added = rows[rows >= gallery.published]
    live = _points(added, projection.place(gallery.units(added, gallery.spaces[-1])))
    parts = (published.among(alive), live)
    return Points(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.places for part in parts]),
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.keys for part in parts]),
    )


def _points(rows: Rows, places: Places) -> Points:
    cells = codes(places)
    return Points(rows, places, cells, _keys(levels(cells, places), rows))


def _keys(found: Levels, rows: Rows) -> Keys:
    """By level; within a level in an order without a pattern, so that a part of it is spread."""
    mixed = (rows.astype(np.uint64) + np.uint64(1)) * SEED >> np.uint64(8)
    return (found.astype(np.uint64) << np.uint64(56)) | mixed
