"""Where every item of one state of a collection lies.

Published items lie where the job's layout has them; what was added since is placed beside them, by
the layout's principal components or between its nearest, and moves no other. Where there is no
layout, or the collection has doubled since, a plane of principal components is made when it is
first asked for, in memory, by a pass over the vectors of the space that pictures are compared in,
and kept until the collection has doubled again. Either costs some 24 bytes an item. Nothing else of
the gallery waits for it.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.gallery import Gallery, Rows
from index.overview.beside import BLOCK, NEAREST, table
from index.overview.layouts import Layout
from index.overview.levels import Codes, Levels, codes, levels
from index.overview.projection import Places, Projection, fit, spread_rows
from index.segments import ids_to_rows

SEED = np.uint64(0x9E3779B97F4A7C15)

Keys = NDArray[np.uint64]
Placing = Callable[[Gallery, Rows], Places]


@dataclass(frozen=True)
class Points:
    """Rows of a gallery, where they lie, and which of them is shown first: that of least key."""

    method: str
    rows: Rows
    places: Places
    codes: Codes
    keys: Keys

    def among(self, chosen: NDArray[np.bool_]) -> "Points":
        parts = (self.rows[chosen], self.places[chosen], self.codes[chosen], self.keys[chosen])
        return Points(self.method, *parts)


class Plane:
    """Where the published rows of a generation lie, and how others are placed; made once."""

    def __init__(self, layout: Layout | None) -> None:
        self._layout = layout
        self._making = threading.Lock()
        self._made: tuple[Points, Placing] | None = None

    def of(self, gallery: Gallery) -> tuple[Points, Placing]:
        with self._making:
            if self._made is None:
                held = self._layout
                self._made = _projected(gallery) if held is None else _laid(gallery, held)
            return self._made


class Living:
    """Where the rows of one state lie; made once, while others ask it for other things."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._made: Points | None = None

    def of(self, gallery: Gallery, plane: Plane) -> Points:
        with self._making:
            if self._made is None:
                self._made = _living(gallery, *plane.of(gallery))
            return self._made


def layout(gallery: Gallery) -> Points:
    """Of every row that lives."""
    doubled = max(1, (gallery.count // max(1, gallery.published)).bit_length())
    held = gallery.layout if doubled == 1 else None
    plane = gallery.once_a_generation(("overview", doubled), lambda: Plane(held))
    return gallery.once("overview", Living).of(gallery, plane)


def _projected(gallery: Gallery) -> tuple[Points, Placing]:
    space = gallery.spaces[-1]
    sample = gallery.rows[spread_rows(gallery.count)]
    projection = fit(gallery.units(sample, space))
    places = projection.place_all(gallery.published_units(space))
    return _points("pca", np.arange(gallery.published), places), _by(projection)


def _by(projection: Projection) -> Placing:
    return lambda gallery, rows: projection.place(gallery.units(rows, gallery.spaces[-1]))


def _laid(gallery: Gallery, held: Layout) -> tuple[Points, Placing]:
    """As the job has laid them out; rows that it has not, as those that are added."""
    rows = gallery.published_rows(held.ids)
    there = np.flatnonzero(rows >= 0)
    there = there[np.argsort(rows[there])]
    published = _points(held.method, rows[there], held.places[there])
    if held.projection is not None:
        return published, _by(held.projection)
    return published, Beside(held, published).place


class Beside:
    """Places what was added: where it lay before, or else between its nearest neighbours."""

    def __init__(self, held: Layout, published: Points) -> None:
        self._held = held
        self._published = published
        self._known: dict[str, Places] = {}  # of what was added, by id

    def place(self, gallery: Gallery, rows: Rows) -> Places:
        ids = gallery.ids(rows)
        new = np.array([n for n, id_ in enumerate(ids) if id_ not in self._known], np.int64)
        for first in range(0, len(new), BLOCK):
            part = new[first : first + BLOCK]
            found = self._found(gallery, rows[part], [ids[n] for n in part])
            self._known |= dict(zip((ids[n] for n in part), found, strict=True))
        return np.array([self._known[id_] for id_ in ids], np.float32).reshape(-1, 2)

    def _found(self, gallery: Gallery, rows: Rows, ids: list[str]) -> Places:
        space, published = gallery.spaces[-1], self._published
        laid = np.zeros(len(gallery), np.bool_)
        laid[published.rows] = True
        vectors = gallery.units(rows, space).astype(np.float32)
        nearest = gallery.nearest(space, vectors, NEAREST, among=laid, likeness="image")
        held = [(scores, np.searchsorted(published.rows, near)) for scores, near in nearest]
        places = table(held, published.places)
        at = self._held.positions(ids_to_rows(ids))
        places[at >= 0] = self._held.places[at[at >= 0]]
        return places


def _living(gallery: Gallery, published: Points, place: Placing) -> Points:
    rows = gallery.rows
    alive = np.zeros(len(gallery), dtype=np.bool_)
    alive[rows] = True
    alive_there = published.among(alive[published.rows])
    alive[published.rows] = False
    added = np.flatnonzero(alive)
    parts = (alive_there, _points(published.method, added, place(gallery, added)))
    return Points(
        published.method,
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.places for part in parts]),
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.keys for part in parts]),
    )


def _points(method: str, rows: Rows, places: Places) -> Points:
    cells = codes(places)
    return Points(method, rows, places, cells, _keys(levels(cells, places), rows))


def _keys(found: Levels, rows: Rows) -> Keys:
    """By level; within a level in an order without a pattern, so that a part of it is spread."""
    mixed = (rows.astype(np.uint64) + np.uint64(1)) * SEED >> np.uint64(8)
    return (found.astype(np.uint64) << np.uint64(56)) | mixed
