"""The words of a scene: what may be in one, and the records which say what is.

Every word here is plainly visible in the picture. A scene holds one to three groups of things, each
of its own kind and in its own place, ordered from left to right.
"""

from dataclasses import dataclass

STYLES = ("flat", "line", "pixel", "watercolour", "paper")
SETTINGS = ("beach", "forest", "city", "arctic", "sea", "desert", "meadow", "mountains")
TIMES = ("day", "sunset", "night")
WEATHERS = ("clear", "rain", "snow", "fog", "storm")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "black")
SIZES = ("small", "large")
PLACES = ("left", "middle", "right")
COUNTS = (1, 2, 3)

SKY_KINDS = ("balloon", "kite", "bird", "rocket", "butterfly")
LAND_KINDS = (
    "house", "tree", "car", "tent", "lighthouse", "umbrella", "flower", "mushroom", "cat", "sheep",
    "castle", "snail", "turtle",
)  # fmt: skip
WATER_KINDS = ("boat", "whale", "turtle")
KINDS = tuple(dict.fromkeys(SKY_KINDS + LAND_KINDS + WATER_KINDS))


def kinds_in(setting: str) -> tuple[str, ...]:
    """The kinds which make sense in a setting."""
    if setting == "sea":
        return SKY_KINDS + WATER_KINDS
    if setting == "beach":
        return (*SKY_KINDS, *LAND_KINDS, "boat")
    return SKY_KINDS + LAND_KINDS


@dataclass(frozen=True, slots=True)
class Thing:
    """A group of `count` alike things in one place."""

    kind: str
    colour: str
    size: str
    count: int
    place: str


@dataclass(frozen=True, slots=True)
class Spec:
    """What a scene shows, without its name, layout and wording: unique within a set."""

    style: str
    setting: str
    time: str
    weather: str
    things: tuple[Thing, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture: what it shows, how it is laid out, and what people might call it."""

    file: str
    style: str
    setting: str
    time: str
    weather: str
    things: tuple[Thing, ...]
    layout_seed: int
    full: str
    short: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edit:
    """A composed query: `reference` changed by `instruction` is `target`, and nothing else is."""

    reference: str
    instruction: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class SceneSet:
    """Scenes with unique specs and unique full captions, and the edits between them."""

    scenes: tuple[Scene, ...]
    edits: tuple[Edit, ...]
