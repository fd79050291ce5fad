"""Which colour a tone has: by the thing's own colour, and for the backdrop by time and weather.

Things keep their colours at any time, so that a caption's colour words stay true at night.
"""

from functools import cache

RGB = tuple[int, int, int]

WHITE: RGB = (255, 255, 255)
BLACK: RGB = (0, 0, 0)

_COLOURS: dict[str, RGB] = {
    "red": (222, 38, 42),
    "orange": (250, 136, 20),
    "yellow": (253, 222, 44),
    "green": (36, 158, 66),
    "blue": (36, 92, 222),
    "purple": (134, 56, 182),
    "pink": (250, 138, 190),
    "white": (252, 252, 252),
    "black": (34, 34, 38),
}
_FIXED: dict[str, RGB] = {
    "wood": (134, 92, 58), "dark": (44, 40, 50), "glass": (178, 222, 246), "lamp": (255, 226, 110),
    "leaf": (64, 132, 62), "cream": (246, 234, 208), "skin": (206, 172, 122),
    "beak": (248, 150, 40), "steel": (196, 200, 208),
    "spray": (170, 216, 246),
    "sun": (255, 226, 84), "low sun": (255, 240, 160), "glow": (255, 236, 150),
    "moon": (250, 244, 214), "star": (255, 250, 220), "bolt": (255, 236, 70),
    "rain": (206, 226, 250), "dark rain": (62, 96, 160), "flake": (255, 255, 255),
    "window": (255, 214, 110),
}  # fmt: skip
_BACKDROP: dict[str, RGB] = {
    "sand": (242, 218, 164), "sand spot": (222, 192, 132), "sea": (56, 150, 206),
    "deep": (34, 120, 184), "foam": (196, 230, 244), "island": (112, 150, 120),
    "forest floor": (96, 134, 72), "moss": (78, 116, 60), "far pine": (92, 140, 112),
    "pine": (46, 100, 70), "trunk": (98, 74, 56),
    "far tower": (170, 182, 202), "tower": (128, 142, 168), "pane": (206, 218, 232),
    "pavement": (184, 184, 188), "road": (118, 120, 128), "kerb": (232, 232, 226),
    "snow": (232, 240, 248), "drift": (206, 222, 238), "ice": (170, 212, 236),
    "ice face": (206, 232, 246), "cold sea": (70, 132, 172),
    "far dune": (226, 172, 104), "dune": (238, 190, 116), "near dune": (246, 204, 132),
    "cactus": (110, 140, 84),
    "far hill": (158, 204, 128), "hill": (134, 192, 98), "grass": (148, 206, 104),
    "blossom": (250, 240, 200), "petal": (250, 206, 216),
    "far peak": (152, 166, 196), "peak": (116, 126, 152), "cap": (244, 248, 252),
    "alp": (138, 160, 112), "rock": (128, 128, 126),
    "cloud": (255, 255, 255), "rain cloud": (104, 112, 128), "storm cloud": (66, 68, 88),
    "snow cloud": (196, 204, 216), "mist": (232, 234, 236),
}  # fmt: skip
_TINTS: dict[str, tuple[float, float, float]] = {
    "day": (1.0, 1.0, 1.0),
    "sunset": (1.0, 0.72, 0.60),
    "night": (0.31, 0.35, 0.54),
}
_SKIES: dict[str, tuple[RGB, ...]] = {
    "day": ((84, 168, 242), (140, 202, 250), (206, 234, 252)),
    "sunset": ((96, 62, 146), (226, 92, 104), (255, 168, 84), (255, 222, 132)),
    "night": ((8, 12, 42), (24, 32, 78), (48, 60, 116)),
}
_AIR: dict[str, tuple[RGB, float]] = {
    "clear": (WHITE, 0.0),
    "rain": ((124, 136, 152), 0.6),
    "snow": ((198, 206, 220), 0.6),
    "fog": ((188, 194, 200), 0.65),
    "storm": ((84, 88, 112), 0.65),
}
_VEILS: dict[str, float] = {"clear": 0.0, "rain": 0.2, "snow": 0.4, "fog": 0.4, "storm": 0.25}


def mix(first: RGB, second: RGB, part: float) -> RGB:
    """`part` of the way from first to second."""
    return (
        round(first[0] + (second[0] - first[0]) * part),
        round(first[1] + (second[1] - first[1]) * part),
        round(first[2] + (second[2] - first[2]) * part),
    )


def blended(stops: tuple[RGB, ...], part: float) -> RGB:
    """The colour at `part` of the way through evenly spaced stops."""
    first = min(int(part * (len(stops) - 1)), len(stops) - 2)
    return mix(stops[first], stops[first + 1], part * (len(stops) - 1) - first)


@cache
def thing_tone(tone: str, colour: str) -> RGB:
    main = _COLOURS[colour]
    if tone == "main":
        return main
    if tone == "light":
        return (
            mix(main, (150, 156, 170), 0.35)
            if colour in ("white", "black")
            else mix(main, WHITE, 0.4)
        )
    if tone == "shade":
        return mix(main, WHITE, 0.2) if colour == "black" else mix(main, BLACK, 0.22)
    if tone == "trim":
        return (176, 182, 196) if colour == "white" else (255, 252, 244)
    if tone == "heart":
        return _FIXED["wood"] if colour in ("yellow", "orange", "white") else _FIXED["lamp"]
    return _FIXED[tone]


@cache
def outline_tone(colour: str) -> RGB:
    """A rim which keeps the thing apart from a backdrop of its own colour."""
    return (236, 236, 240) if colour == "black" else mix(_COLOURS[colour], (16, 16, 30), 0.68)


@cache
def backdrop_tone(tone: str, time: str, weather: str) -> RGB:
    if tone in _FIXED:
        return _FIXED[tone]
    if tone == "mist":
        return mix(_tinted(_BACKDROP[tone], time), WHITE, 0.3)
    veiled = mix(_BACKDROP[tone], _AIR[weather][0], _VEILS[weather])
    return _tinted(veiled, time)


@cache
def sky(time: str, weather: str) -> tuple[RGB, ...]:
    """The sky's colours, from the top to the horizon."""
    air, part = _AIR[weather]
    if time == "sunset":
        part *= 0.55
    return tuple(mix(rgb, _tinted(air, time), part) for rgb in _SKIES[time])


def _tinted(rgb: RGB, time: str) -> RGB:
    red, green, blue = _TINTS[time]
    return round(rgb[0] * red), round(rgb[1] * green), round(rgb[2] * blue)
