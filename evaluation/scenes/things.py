"""How each kind of thing looks: figures of equal area, whatever their proportions.

figure(kind) gives marks in a frame with its origin at the top left of the tight box around them,
scaled so that the box has an area of one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import sqrt

from evaluation.scenes import things_animals, things_land, things_sky
from evaluation.scenes.marks import Mark, extent, moved

_DRAWN: dict[str, Callable[[], tuple[Mark, ...]]] = {
    "balloon": things_sky.balloon,
    "kite": things_sky.kite,
    "bird": things_sky.bird,
    "rocket": things_sky.rocket,
    "butterfly": things_sky.butterfly,
    "house": things_land.house,
    "tree": things_land.tree,
    "car": things_land.car,
    "tent": things_land.tent,
    "lighthouse": things_land.lighthouse,
    "umbrella": things_land.umbrella,
    "flower": things_land.flower,
    "mushroom": things_land.mushroom,
    "castle": things_land.castle,
    "boat": things_land.boat,
    "cat": things_animals.cat,
    "sheep": things_animals.sheep,
    "snail": things_animals.snail,
    "turtle": things_animals.turtle,
    "whale": things_animals.whale,
}


@dataclass(frozen=True, slots=True)
class Figure:
    """The marks of one kind, and the width and height of the box which they fill."""

    marks: tuple[Mark, ...]
    width: float
    height: float


@cache
def figure(kind: str) -> Figure:
    marks = _DRAWN[kind]()
    left, top, right, bottom = extent(marks)
    scale = 1 / sqrt((right - left) * (bottom - top))
    placed = tuple(moved(mark, scale, -left * scale, -top * scale) for mark in marks)
    return Figure(placed, (right - left) * scale, (bottom - top) * scale)
