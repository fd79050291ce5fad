"""Where the things of a scene stand: one column a place, so that groups keep out of each other.

A group's spots follow from the layout seed and the group alone, so changing one never moves
another. Coordinates are fractions of the picture, y downwards.
"""

from dataclasses import dataclass
from random import Random

from evaluation.scenes.marks import Box
from evaluation.scenes.spec import SKY_KINDS, Scene, Thing
from evaluation.scenes.things import figure

_SCALES = {"small": 0.125, "large": 0.235}
_COLUMNS = {"left": 0.18, "middle": 0.5, "right": 0.82}
_MARGIN = 0.035
_NARROW = 0.165
_HIGHEST = 0.045
_FARTHEST_FEET = 0.63
_NEAREST_FEET = 0.95


@dataclass(frozen=True, slots=True)
class Placement:
    """One drawn thing: its top left corner, and the factor for its figure."""

    thing: Thing
    left: float
    top: float
    scale: float

    @property
    def box(self) -> Box:
        drawn = figure(self.thing.kind)
        right = self.left + drawn.width * self.scale
        return self.left, self.top, right, self.top + drawn.height * self.scale


def placements(scene: Scene) -> tuple[Placement, ...]:
    """In painting order within each group: what is nearer comes later."""
    return tuple(
        placement for thing in scene.things for placement in _group(thing, scene.layout_seed)
    )


def boxes(scene: Scene) -> tuple[tuple[Thing, Box], ...]:
    """One entry for every single thing drawn, with left, top, right, bottom."""
    return tuple((placement.thing, placement.box) for placement in placements(scene))


def _group(thing: Thing, layout_seed: int) -> list[Placement]:
    scale, drawn = _SCALES[thing.size], figure(thing.kind)
    width, height = drawn.width * scale, drawn.height * scale
    rng = Random(f"{layout_seed}/{thing.place}")
    middle = _COLUMNS[thing.place] + rng.uniform(-0.02, 0.02)
    level, flip = rng.random(), rng.choice((-1, 1))
    spots = _spots(thing.count, width, height)
    span = max(down for _, down in spots)
    top = _top(thing.kind in SKY_KINDS, height, span, level)
    return [
        Placement(
            thing,
            left=_inside(middle + flip * across - width / 2, width),
            top=top + down,
            scale=scale,
        )
        for across, down in spots
    ]


def _spots(count: int, width: float, height: float) -> tuple[tuple[float, float], ...]:
    """Each thing's shift across and down from the column's middle and top, farthest first."""
    if count == 1:
        return ((0.0, 0.0),)
    if width <= _NARROW:
        gap, fall = width * 0.56, min(height, 0.2)
        if count == 2:
            return ((-gap, 0.0), (gap, fall * 0.2))
        return ((0.0, 0.0), (-gap, fall * 0.86), (gap, fall))
    gap, fall = max(0.045, 0.165 - width / 2), min(height * 0.85, 0.172)
    if count == 2:
        return ((-gap, 0.0), (gap, fall))
    return ((-gap, 0.0), (gap, fall), (-gap * 0.8, fall * 2))


def _top(flies: bool, height: float, span: float, level: float) -> float:
    """Where a group starts: anywhere above the ground, or with its feet anywhere on it."""
    if flies:
        return _between(_HIGHEST, 0.6 - height - span, level)
    farthest = min(_FARTHEST_FEET, _NEAREST_FEET - span)
    return _between(farthest, _NEAREST_FEET - span, level) - height


def _between(low: float, high: float, part: float) -> float:
    """Part of the way from low to high; low where there is no way."""
    return low + max(0.0, high - low) * part


def _inside(left: float, width: float) -> float:
    return min(max(left, _MARGIN), 1 - _MARGIN - width)
