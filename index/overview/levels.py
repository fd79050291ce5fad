"""Which points stand for their neighbourhood: a quadtree whose every cell has one.

codes(places): (n, 2) in the unit square -> (n,) uint32, the deepest cell of each point, so that the
cell of a point at level k is the first 2k bits of its code. levels(codes, places) -> (n,) uint8,
the coarsest level at which a point stands for its cell: exactly one point of a cell that holds any
has its level or a coarser one, so that a point which is shown from afar is shown from near, too.
What shares a deepest cell with others comes last, at DEEPEST + 1.
"""

import numpy as np
from numpy.typing import NDArray

from index.overview.projection import Places

DEEPEST = 16  # 65,536 cells a side
CROWD = DEEPEST + 1

Codes = NDArray[np.uint32]  # (n,)
Levels = NDArray[np.uint8]  # (n,)


def codes(places: Places) -> Codes:
    cells = np.clip(places * 2.0**DEEPEST, 0, 2**DEEPEST - 1).astype(np.uint32)
    return _spaced(cells[:, 0]) | (_spaced(cells[:, 1]) << np.uint32(1))


def _spaced(numbers: Codes) -> Codes:
    """The bits of 16-bit numbers with a gap behind each."""
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        numbers = (numbers | (numbers << np.uint32(shift))) & np.uint32(mask)
    return numbers


def levels(points: Codes, places: Places) -> Levels:
    order = np.argsort(points, kind="stable")
    in_order = _levels_in_order(points[order], places[order])
    found = np.empty_like(in_order)
    found[order] = in_order
    return found


def _levels_in_order(points: Codes, places: Places) -> Levels:
    """Of points in the order of their codes, in which every cell is one run."""
    found = np.full(len(points), CROWD, dtype=np.uint8)
    for level in range(DEEPEST + 1):
        cells = points >> np.uint32(2 * (DEEPEST - level)) if level else np.zeros_like(points)
        begins = np.ones(len(points), dtype=np.bool_)
        begins[1:] = cells[1:] != cells[:-1]
        starts = np.flatnonzero(begins)
        if not len(starts):
            break
        run = np.cumsum(begins) - 1
        taken = np.minimum.reduceat(found, starts) < CROWD
        away = _from_centre(places, level)
        nearest = away == np.minimum.reduceat(away, starts)[run]
        candidates = np.flatnonzero(nearest & ~taken[run])
        _, firsts = np.unique(run[candidates], return_index=True)
        found[candidates[firsts]] = level
        if len(starts) == len(points):
            break  # every point has a cell of its own
    return found


def _from_centre(places: Places, level: int) -> NDArray[np.float32]:
    """(n,): how far each point is from the centre of its cell, squared."""
    within = np.mod(places * np.float32(2.0**level), 1) - np.float32(0.5)
    away: NDArray[np.float32] = np.square(within).sum(axis=1)
    return away
