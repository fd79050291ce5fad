"""The backdrop of each setting: ground and scenery, farthest first, with quiet shapes and tones.

backdrop(setting, layout_seed) covers all below HORIZON, give or take a hill; its decoration follows
from the seed.
"""

from collections.abc import Callable
from math import pi, sin
from random import Random

from evaluation.scenes.marks import Mark, Point, oval, rectangle, shape, stroke

HORIZON = 0.58


def backdrop(setting: str, layout_seed: int) -> tuple[Mark, ...]:
    return tuple(_SETTINGS[setting](Random(f"{layout_seed}/{setting}")))


def _rolling(tone: str, level: float, swell: float, rng: Random) -> Mark:
    """Ground from a wavy line at `level` down to the bottom."""
    phase, waves = rng.uniform(0, 2 * pi), rng.uniform(0.8, 1.6)
    crest = [
        (step / 24, level + swell * sin(phase + waves * 2 * pi * step / 24)) for step in range(25)
    ]
    return shape(tone, *crest, (1.0, 1.0), (0.0, 1.0))


def _beach(rng: Random) -> list[Mark]:
    far = rng.choice((0.2, 0.36, 0.64, 0.8))
    waves = [_ripple("foam", 0.6 + 0.022 * row, rng) for row in range(4) for _ in range(3)]
    spots = [_speck("sand spot", 0.72, rng) for _ in range(26)]
    return [
        rectangle("sea", 0, HORIZON, 1, 0.75),
        shape(
            "island",
            (far - 0.09, HORIZON),
            (far - 0.03, 0.545),
            (far + 0.02, 0.555),
            (far + 0.08, HORIZON),
        ),
        *waves,
        _rolling("foam", 0.694, 0.01, Random(f"{far}")),
        _rolling("sand", 0.706, 0.01, Random(f"{far}")),
        *spots,
    ]


def _forest(rng: Random) -> list[Mark]:
    far = [
        _pine("far pine", x / 11 + rng.uniform(-0.03, 0.03), 0.6, rng.uniform(0.22, 0.32))
        for x in range(12)
    ]
    near = [
        _pine("pine", x / 8 + rng.uniform(-0.04, 0.04), 0.66, rng.uniform(0.24, 0.36))
        for x in range(9)
    ]
    floor = [_tuft("moss", 0.68, rng) for _ in range(22)]
    return [
        *far,
        *(m for pine in near for m in (_trunk(pine), pine)),
        _rolling("forest floor", 0.635, 0.012, rng),
        *floor,
    ]


def _pine(tone: str, x: float, foot: float, height: float) -> Mark:
    wide = height * 0.32
    right = [(0.45, 0.34), (0.25, 0.34), (0.75, 0.66), (0.4, 0.66), (1.0, 0.93)]
    half = [(x + wide * across, foot - height * (1 - down)) for across, down in right]
    left = [(2 * x - px, py) for px, py in reversed(half)]
    return shape(tone, (x, foot - height), *half, *left)


def _trunk(pine: Mark) -> Mark:
    x, _ = pine.points[0]
    return rectangle("trunk", x - 0.01, 0.6, x + 0.01, 0.68)


def _city(rng: Random) -> list[Mark]:
    far = [_tower("far tower", x / 9, rng.uniform(0.28, 0.42), 0.09) for x in range(10)]
    near: list[Mark] = []
    for number in range(8):
        left, top = number / 8 + rng.uniform(-0.01, 0.01), rng.uniform(0.34, 0.5)
        near += [_tower("tower", left, top, 0.1), *_panes(left, top, rng)]
    dashes = [rectangle("kerb", x / 6 + 0.03, 0.835, x / 6 + 0.11, 0.85) for x in range(6)]
    return [
        *far,
        *near,
        rectangle("pavement", 0, 0.64, 1, 1),
        rectangle("kerb", 0, 0.735, 1, 0.75),
        rectangle("road", 0, 0.75, 1, 0.94),
        *dashes,
        rectangle("kerb", 0, 0.93, 1, 0.945),
    ]


def _tower(tone: str, left: float, top: float, width: float) -> Mark:
    return rectangle(tone, left, top, left + width, 0.66)


def _panes(left: float, top: float, rng: Random) -> list[Mark]:
    rows = int((0.62 - top) / 0.045)
    return [
        rectangle(rng.choice(("pane", "window")), x, y, x + 0.018, y + 0.024)
        for row in range(rows)
        for x in (left + 0.018, left + 0.06)
        for y in (top + 0.02 + row * 0.045,)
    ]


def _arctic(rng: Random) -> list[Mark]:
    bergs = [berg for x in (0.14, 0.5, 0.86) for berg in _berg(x + rng.uniform(-0.08, 0.08), rng)]
    drifts = [_ripple("drift", rng.uniform(0.74, 0.97), rng) for _ in range(9)]
    return [
        rectangle("cold sea", 0, HORIZON - 0.02, 1, 0.7),
        *bergs,
        _rolling("drift", 0.662, 0.012, rng),
        _rolling("snow", 0.69, 0.015, rng),
        *drifts,
    ]


def _berg(x: float, rng: Random) -> list[Mark]:
    high, wide, foot = rng.uniform(0.12, 0.2), rng.uniform(0.1, 0.14), 0.63
    peak = (x + rng.uniform(-0.02, 0.02), foot - high)
    ridge: tuple[Point, ...] = (peak, (x + wide * 0.55, foot - high * 0.62), (x + wide, foot))
    return [
        shape("ice", (x - wide, foot), (x - wide * 0.6, foot - high * 0.5), *ridge),
        shape(
            "ice face",
            peak,
            (x + 0.01, foot - high * 0.3),
            (x - wide * 0.25, foot),
            (x - wide, foot),
            (x - wide * 0.6, foot - high * 0.5),
        ),
    ]


def _sea(rng: Random) -> list[Mark]:
    waves = [
        _swell(
            "foam" if row % 2 else "deep", 0.6 + row * 0.045, number / 4 + rng.uniform(-0.1, 0.1)
        )
        for row in range(9)
        for number in range(5)
    ]
    return [rectangle("sea", 0, HORIZON - 0.02, 1, 1), *waves]


def _swell(tone: str, y: float, x: float) -> Mark:
    points = [(x - 0.07 + step * 0.0175, y - 0.014 * abs(sin(step * pi / 4))) for step in range(9)]
    return stroke(tone, 0.007, *points)


def _desert(rng: Random) -> list[Mark]:
    far = rng.choice((0.33, 0.67))
    cacti = [
        m
        for x in (far - 0.3, far + 0.02, far + 0.29)
        for m in _cactus(x + rng.uniform(-0.03, 0.03), 0.62)
    ]
    return [
        shape(
            "far dune", (far - 0.2, 0.6), (far - 0.12, 0.46), (far - 0.02, 0.46), (far + 0.05, 0.6)
        ),
        _rolling("far dune", 0.575, 0.022, rng),
        *cacti,
        _rolling("dune", 0.66, 0.026, rng),
        _rolling("near dune", 0.8, 0.03, rng),
        *(_ripple("far dune", rng.uniform(0.7, 0.97), rng) for _ in range(8)),
    ]


def _cactus(x: float, foot: float) -> list[Mark]:
    return [
        stroke("cactus", 0.02, (x, foot), (x, foot - 0.12)),
        stroke("cactus", 0.013, (x, foot - 0.04), (x - 0.03, foot - 0.04), (x - 0.03, foot - 0.08)),
        stroke(
            "cactus", 0.013, (x, foot - 0.055), (x + 0.03, foot - 0.055), (x + 0.03, foot - 0.1)
        ),
    ]


def _meadow(rng: Random) -> list[Mark]:
    blossoms = [
        oval(rng.choice(("blossom", "petal")), rng.random(), rng.uniform(0.68, 0.98), 0.008, 0.008)
        for _ in range(36)
    ]
    return [
        _rolling("far hill", 0.55, 0.04, rng),
        _rolling("hill", 0.61, 0.025, rng),
        _rolling("grass", 0.67, 0.02, rng),
        *(_tuft("hill", 0.7, rng) for _ in range(18)),
        *blossoms,
    ]


def _mountains(rng: Random) -> list[Mark]:
    far = [
        m
        for x in (0.08, 0.4, 0.72, 1.0)
        for m in _peak("far peak", x + rng.uniform(-0.05, 0.05), rng.uniform(0.26, 0.34))
    ]
    near = [
        m
        for x in (0.22, 0.56, 0.9)
        for m in _peak("peak", x + rng.uniform(-0.06, 0.06), rng.uniform(0.2, 0.36))
    ]
    rocks = [
        oval("rock", rng.random(), rng.uniform(0.7, 0.97), rng.uniform(0.01, 0.02), 0.009)
        for _ in range(12)
    ]
    return [*far, *near, _rolling("alp", 0.645, 0.015, rng), *rocks]


def _peak(tone: str, x: float, top: float) -> list[Mark]:
    foot, slope = 0.68, 0.62
    drop = (foot - top) * 0.3
    cap = (
        (x, top), (x + slope * drop, top + drop), (x + 0.3 * drop, top + drop * 0.75),
        (x, top + drop * 1.15), (x - 0.3 * drop, top + drop * 0.75), (x - slope * drop, top + drop),
    )  # fmt: skip
    reach = slope * (foot - top)
    return [shape(tone, (x, top), (x + reach, foot), (x - reach, foot)), shape("cap", *cap)]


def _ripple(tone: str, y: float, rng: Random) -> Mark:
    x, long = rng.uniform(-0.05, 1), rng.uniform(0.05, 0.12)
    return stroke(tone, 0.006, (x, y), (x + long / 2, y - 0.006), (x + long, y))


def _speck(tone: str, top: float, rng: Random) -> Mark:
    return oval(tone, rng.random(), rng.uniform(top, 0.98), 0.006, 0.004)


def _tuft(tone: str, top: float, rng: Random) -> Mark:
    x, y = rng.random(), rng.uniform(top, 0.98)
    return shape(
        tone,
        (x - 0.016, y),
        (x - 0.01, y - 0.02),
        (x, y - 0.008),
        (x + 0.006, y - 0.026),
        (x + 0.016, y),
    )


_SETTINGS: dict[str, Callable[[Random], list[Mark]]] = {
    "beach": _beach,
    "forest": _forest,
    "city": _city,
    "arctic": _arctic,
    "sea": _sea,
    "desert": _desert,
    "meadow": _meadow,
    "mountains": _mountains,
}
