"""Whether the layout of the overview is sound: its file as the catalogue has it, each id once,
every place within the unit square, and one for each row of the segments."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from index.catalogue import SqliteCatalogue
from index.folder import CollectionFolder
from index.overview.layouts import Layout, id_keys, open_layout
from index.segments import Segment
from index.verifying.delta import DELTA
from index.verifying.files import read_named


def layout_faults(
    folder: CollectionFolder, catalogue: SqliteCatalogue, segments: Mapping[str, Segment]
) -> Iterator[str]:
    record = catalogue.layout()
    if record is None:
        return
    named, file = f"layouts/{record.name}", folder.layouts / record.name
    layout, faults = read_named(file, record.checksum, partial(open_layout, folder.layouts, record))
    yield from faults
    if layout is None:
        return
    yield from _place_faults(named, layout)
    held = [segment.ids for name, segment in segments.items() if name != DELTA]
    without = sum(int((layout.positions(ids) < 0).sum()) for ids in held)
    if without:
        yield f"{named}: {without} rows of segments have no place"


def _place_faults(named: str, layout: Layout) -> Iterator[str]:
    keys = id_keys(layout.ids)
    if not (keys[1:] > keys[:-1]).all():
        yield f"{named}: its ids do not rise"
    outside = ~((layout.places >= 0) & (layout.places <= 1)).all(axis=1)
    for row in np.flatnonzero(outside).tolist():
        x, y = layout.places[row].tolist()
        yield f"{named}: row {row}: lies at {x}, {y}, expected 0 to 1"
