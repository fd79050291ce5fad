"""The one thing that is ever drawn: a filled outline or a stroke, in a named tone.

Coordinates are whatever the maker chose, y downwards; a stroke's width is in the same unit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, pi, sin

Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """A polygon filled with `tone`, or with a `width` a line through the points."""

    points: tuple[Point, ...]
    tone: str
    width: float = 0.0
    alpha: int = 255


def shape(tone: str, *points: Point, alpha: int = 255) -> Mark:
    return Mark(points, tone, alpha=alpha)


def stroke(tone: str, width: float, *points: Point, alpha: int = 255) -> Mark:
    return Mark(points, tone, width, alpha)


def rectangle(tone: str, left: float, top: float, right: float, bottom: float) -> Mark:
    return Mark(((left, top), (right, top), (right, bottom), (left, bottom)), tone)


def arc(centre: Point, radii: Point, start: float, end: float, steps: int = 20) -> list[Point]:
    """Points on an ellipse from `start` to `end` degrees, clockwise as seen, 0 to the right."""
    turns = [(start + (end - start) * step / steps) * pi / 180 for step in range(steps + 1)]
    (x, y), (across, down) = centre, radii
    return [(x + across * cos(turn), y + down * sin(turn)) for turn in turns]


def oval(tone: str, x: float, y: float, across: float, down: float) -> Mark:
    """An ellipse of half-widths `across` and `down`."""
    return Mark(tuple(arc((x, y), (across, down), 0, 342, 19)), tone)


def extent(marks: Iterable[Mark]) -> Box:
    """The tight box around what the marks cover."""
    lefts, tops, rights, bottoms = [], [], [], []
    for mark in marks:
        reach = mark.width / 2
        xs, ys = zip(*mark.points, strict=True)
        lefts.append(min(xs) - reach)
        tops.append(min(ys) - reach)
        rights.append(max(xs) + reach)
        bottoms.append(max(ys) + reach)
    return min(lefts), min(tops), max(rights), max(bottoms)


def moved(mark: Mark, scale: float, across: float, down: float) -> Mark:
    points = tuple((x * scale + across, y * scale + down) for x, y in mark.points)
    return Mark(points, mark.tone, mark.width * scale, mark.alpha)
