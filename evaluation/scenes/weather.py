"""What hangs in the sky and what falls from it.

in_the_sky(...) is painted before the ground: sun, moon, stars. behind(...) comes before the things:
clouds, lightning, banks of fog, far flakes. before(...) comes over all: rain, near flakes, thin
fog, too sparse to hide anything. The sun, the moon and the lightning keep to the gaps between the
columns in which things stand.
"""

from dataclasses import replace
from random import Random

from evaluation.scenes.marks import Mark, arc, oval, shape, stroke

_GAPS = (0.34, 0.66)


def in_the_sky(time: str, weather: str, layout_seed: int) -> tuple[Mark, ...]:
    rng = Random(f"{layout_seed}/light")
    x = rng.choice(_GAPS) + rng.uniform(-0.02, 0.02)
    if time == "sunset":
        return _low_sun(x)
    if time == "night":
        stars = _stars(Random(f"{layout_seed}/stars")) if weather in ("clear", "snow") else ()
        return (*stars, *_moon(x))
    return _sun(x) if weather == "clear" else ()


def behind(time: str, weather: str, layout_seed: int) -> tuple[Mark, ...]:
    rng = Random(f"{layout_seed}/{weather}/behind")
    if weather == "clear":
        return () if time == "night" else _fair_clouds(rng)
    if weather == "fog":
        return tuple(_bank(0.12 + 0.12 * row, 0.05, 170, rng) for row in range(7))
    clouds = _overcast(f"{weather} cloud", rng)
    if weather == "snow":
        return (*clouds, *(_flake(rng, 0.016) for _ in range(55)))
    return (*_lightning(rng), *clouds) if weather == "storm" else clouds


def before(weather: str, layout_seed: int) -> tuple[Mark, ...]:
    rng = Random(f"{layout_seed}/{weather}/before")
    if weather == "rain":
        return tuple(_drop(number, rng) for number in range(90))
    if weather == "snow":
        return tuple(_flake(rng, 0.012) for _ in range(38))
    if weather == "fog":
        return tuple(_bank(0.18 + 0.19 * row, 0.024, 95, rng) for row in range(5))
    return ()


def _sun(x: float) -> tuple[Mark, ...]:
    glow = [replace(oval("glow", x, 0.13, r, r), alpha=46) for r in (0.13, 0.105)]
    return (*glow, oval("sun", x, 0.13, 0.075, 0.075))


def _low_sun(x: float) -> tuple[Mark, ...]:
    glow = [replace(oval("glow", x, 0.47, r, r), alpha=60) for r in (0.2, 0.165)]
    return (*glow, oval("low sun", x, 0.47, 0.125, 0.125))


def _moon(x: float) -> tuple[Mark, ...]:
    full = oval("moon", x, 0.13, 0.07, 0.07).points
    inner = oval("moon", x + 0.036, 0.115, 0.058, 0.058).points
    outside = [p for p in full if (p[0] - x - 0.036) ** 2 + (p[1] - 0.115) ** 2 > 0.058**2]
    bite = [p for p in inner if (p[0] - x) ** 2 + (p[1] - 0.13) ** 2 < 0.07**2]
    glow = replace(oval("moon", x, 0.13, 0.11, 0.11), alpha=30)
    return (glow, shape("moon", *outside, *sorted(bite, key=lambda p: p[1])))


def _stars(rng: Random) -> tuple[Mark, ...]:
    return tuple(
        _star(rng.random(), rng.uniform(0.02, 0.5), rng.uniform(0.006, 0.013)) for _ in range(34)
    )


def _star(x: float, y: float, r: float) -> Mark:
    q = r * 0.35
    return shape(
        "star", (x, y - r), (x + q, y - q), (x + r, y), (x + q, y + q),
        (x, y + r), (x - q, y + q), (x - r, y), (x - q, y - q),
    )  # fmt: skip


def _fair_clouds(rng: Random) -> tuple[Mark, ...]:
    spots = [(x + rng.uniform(-0.06, 0.06), rng.uniform(0.08, 0.32)) for x in (0.1, 0.5, 0.9)]
    return tuple(puff for x, y in spots for puff in _cloud("cloud", x, y, 0.05))


def _overcast(tone: str, rng: Random) -> tuple[Mark, ...]:
    lumps = [
        oval(tone, x / 7 + rng.uniform(-0.03, 0.03), rng.uniform(0.02, 0.06), 0.11, 0.075)
        for x in range(8)
    ]
    return (shape(tone, (0, 0), (1, 0), (1, 0.05), (0, 0.05)), *lumps)


def _cloud(tone: str, x: float, y: float, size: float) -> tuple[Mark, ...]:
    return (
        oval(tone, x - size * 1.2, y + size * 0.25, size * 0.8, size * 0.5),
        oval(tone, x + size * 1.2, y + size * 0.25, size * 0.8, size * 0.5),
        oval(tone, x, y, size * 1.1, size * 0.75),
    )


def _lightning(rng: Random) -> tuple[Mark, ...]:
    return tuple(_bolt(x + rng.uniform(-0.02, 0.02), rng.choice((-1, 1))) for x in _GAPS)


def _bolt(x: float, side: int) -> Mark:
    path = (
        (0.03, 0.08), (-0.035, 0.3), (0.004, 0.29), (-0.03, 0.52), (0.055, 0.24), (0.016, 0.25),
        (0.07, 0.08),
    )  # fmt: skip
    return shape("bolt", *((x + side * across, down) for across, down in path))


def _drop(number: int, rng: Random) -> Mark:
    x, y, long = rng.uniform(0, 1.04), rng.uniform(-0.04, 1), rng.uniform(0.05, 0.075)
    tone = "rain" if number % 2 else "dark rain"
    return stroke(tone, 0.007, (x, y), (x - long * 0.35, y + long), alpha=190)


def _flake(rng: Random, largest: float) -> Mark:
    r = rng.uniform(0.009, largest)
    return oval("flake", rng.random(), rng.random(), r, r)


def _bank(y: float, half: float, alpha: int, rng: Random) -> Mark:
    left = rng.uniform(-0.3, 0.35)
    right = left + rng.uniform(0.65, 0.95)
    near, far = left + 2 * half, right - 2 * half
    ends = (
        arc((near, y), (2 * half, half), 90, 270, 12),
        arc((far, y), (2 * half, half), -90, 90, 12),
    )
    return shape("mist", *ends[0], *ends[1], alpha=alpha)
