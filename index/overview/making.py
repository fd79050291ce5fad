"""The job's part: the layout of what it is about to publish.

A layout is made of the vectors that pictures are compared in. What has a place keeps it, and what
is new is placed beside it, by the principal components or between its nearest, until there are
twice as many items as it was made for; then it is made anew, beginning with where things were.
While no item is without a place the file stays the same. UMAP lays out a sample of SAMPLE rows; all
others are placed between their nearest of these. A UMAP that fails costs a warning, and the layout
is then one of principal components. The same job gives the same layout.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from index.folder import CollectionFolder, checksum
from index.jobs.previous import Previous
from index.jobs.staging import Staged
from index.overview import umap
from index.overview.beside import Anchors, blocks
from index.overview.layouts import Layout, LayoutRecord, id_keys, open_layout, write_layout
from index.overview.projection import BLOCK, Places, Projection, fit, spread_rows
from index.segments import ID_BYTES, Ids, Segment
from index.vectors.units import StackedUnits
from models.errors import CollectionError, InputError

METHODS = ("pca", "umap", "none")
SAMPLE = 50_000  # rows that UMAP lays out
LEFT_SHARE = 0.2  # of a layout's items: once more have left, its file is written again

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Mapping:
    """How far a layout is."""

    method: str
    placed: int
    items: int
    seconds: float  # since it began


@dataclass(frozen=True)
class Mapped:
    method: str  # that was asked for, which the next job goes by
    record: LayoutRecord | None = None
    warnings: tuple[str, ...] = ()


Told = Callable[[Mapping], None]


@dataclass(frozen=True)
class MapOptions:
    method: str | None = None  # of METHODS; None: the collection's own, and pca at first
    told: Told = lambda mapping: None
    sample: int = SAMPLE  # rows that UMAP lays out at most
    by_umap: Callable[[NDArray[np.float16], Places], Places] = umap.fit

    def __post_init__(self) -> None:
        """Raises InputError for one that there is not, or that needs what is not installed."""
        if self.method not in (None, *METHODS):
            raise InputError(f"map {self.method!r}: expected {', '.join(METHODS)}")
        if self.method == "umap":
            umap.require()


def map_items(
    folder: CollectionFolder, previous: Previous, staged: Staged, options: MapOptions
) -> Mapped:
    method = options.method or previous.map_method() or "pca"
    held = _held(folder, previous)
    items = Items(staged.opened)
    if method == "none" or not len(items):
        return Mapped(method)
    record, old = held or (None, None)
    if record is not None and old is not None and _serves(old, items, method):
        return Mapped(method, record)
    layout, warnings = Making(items, method, old, options).layout()
    return Mapped(method, write_layout(folder.staging.layouts, layout), warnings)


class Items:
    """Those of a job's segments, by their ids, rising; the dead among them, too."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        ids = [segment.ids for segment in segments]
        every: Ids = np.concatenate([np.empty((0, ID_BYTES), np.uint8), *ids])
        _, first = np.unique(id_keys(every), return_index=True)
        self.rows: Rows = first.astype(np.int64)
        self.ids: Ids = every[first]
        self.units = StackedUnits([segment.vectors[-1].units for segment in segments])

    def __len__(self) -> int:
        return len(self.ids)

    def sample(self, most: int) -> NDArray[np.int64]:
        """Positions, spread evenly over the rows."""
        return np.argsort(self.rows, kind="stable")[spread_rows(len(self), most)]

    def taken(self, positions: NDArray[np.int64]) -> Iterator[NDArray[np.float16]]:
        """Their vectors, in parts."""
        for first in range(0, len(positions), BLOCK):
            yield self.units.take(self.rows[positions[first : first + BLOCK]])


def _held(folder: CollectionFolder, previous: Previous) -> tuple[LayoutRecord, Layout] | None:
    """None of one that is damaged, which is made anew."""
    record = previous.layout()
    if record is None:
        return None
    file = folder.layouts / record.name
    if not file.is_file() or checksum(file) != record.checksum:
        return None
    try:
        return record, open_layout(folder.layouts, record)
    except CollectionError:
        return None


def _serves(layout: Layout, items: Items, method: str) -> bool:
    if layout.method != method or len(layout) * (1 - LEFT_SHARE) > len(items):
        return False
    return not _is_outgrown(layout, items) and bool((layout.positions(items.ids) >= 0).all())


def _is_outgrown(layout: Layout, items: Items) -> bool:
    return len(items) > 2 * layout.fitted


class Making:
    def __init__(self, items: Items, method: str, old: Layout | None, options: MapOptions) -> None:
        self._items = items
        self._method = method
        self._old = old
        self._options = options
        self._began = time.monotonic()

    def layout(self) -> tuple[Layout, tuple[str, ...]]:
        """And warnings."""
        self._tell(0)
        old = self._old
        if old is not None and old.method == self._method and not _is_outgrown(old, self._items):
            return self._extended(old), ()
        if self._method == "pca":
            return self._by_components(), ()
        try:
            return self._by_umap(), ()
        except (umap.LayoutError, InputError) as error:
            warning = f"no map by UMAP: {error}; principal components instead"
            return self._by_components(), (warning,)

    def _by_components(self) -> Layout:
        units = [*self._items.taken(self._items.sample(SAMPLE))]
        old = self._old.projection if self._old is not None else None
        projection = fit(np.concatenate(units), old)
        return self._laid("pca", None, projection.place, projection)

    def _by_umap(self) -> Layout:
        chosen = self._items.sample(self._options.sample)
        units = np.concatenate([*self._items.taken(chosen)])
        placed = self._start(chosen, units)
        if len(units) >= umap.LEAST_ROWS:
            placed = self._options.by_umap(units, placed)
        places = np.full((len(self._items), 2), np.nan, np.float32)
        places[chosen] = placed
        return self._laid("umap", places, Anchors(units, placed).place, None)

    def _start(self, chosen: NDArray[np.int64], units: NDArray[np.float16]) -> Places:
        """Where things were, so that what is made anew is found again."""
        old = self._old
        if old is None or old.method != "umap" or not len(old):
            return fit(units).place(units)
        at = old.positions(self._items.ids[chosen])
        if not (at >= 0).any():
            return fit(units).place(units)
        start = old.places[at]
        new = at < 0
        if new.any():
            start[new] = Anchors(units[~new], start[~new]).place(units[new])
        return start

    def _extended(self, old: Layout) -> Layout:
        at = old.positions(self._items.ids)
        places = np.where((at >= 0)[:, None], old.places[at.clip(min=0)], np.float32(np.nan))
        place = old.projection.place if old.projection is not None else self._beside(places)
        layout = self._laid(old.method, places, place, old.projection)
        return replace(layout, fitted=old.fitted)

    def _beside(self, places: Places) -> Callable[[NDArray[np.floating]], Places]:
        known = np.flatnonzero(~np.isnan(places[:, 0]))
        known = known[spread_rows(len(known), SAMPLE)]
        return Anchors(np.concatenate([*self._items.taken(known)]), places[known]).place

    def _laid(
        self,
        method: str,
        places: Places | None,
        place: Callable[[NDArray[np.floating]], Places],
        projection: Projection | None,
    ) -> Layout:
        """With `place` for those that have none yet."""
        items = self._items
        if places is None:
            places = np.full((len(items), 2), np.nan, np.float32)
        left = np.flatnonzero(np.isnan(places[:, 0]))
        left = left[np.argsort(items.rows[left])]  # as they lie in the files
        done = 0
        for units in blocks(items.taken(left)):
            self._tell(len(items) - len(left) + done)
            places[left[done : done + len(units)]] = place(units)
            done += len(units)
        self._tell(len(items))
        return Layout(method, len(items), items.ids, places, projection)

    def _tell(self, placed: int) -> None:
        seconds = time.monotonic() - self._began
        self._options.told(Mapping(self._method, placed, len(self._items), seconds))
