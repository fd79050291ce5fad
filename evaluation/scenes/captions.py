"""Word scenes and edits in plain English.

full(spec, rng) names everything in the picture, so specs which differ have captions which differ.
short(spec, rng) gives three partial wordings. instruction(...) words one change.
"""

from random import Random

from evaluation.scenes.spec import SKY_KINDS, Spec, Thing

_NUMBERS = {1: "one", 2: "two", 3: "three"}
_PLURALS = {"sheep": "sheep", "butterfly": "butterflies"}
_STYLES = {
    "flat": ("a flat illustration", "a flat poster"),
    "line": ("a line drawing", "an ink line drawing"),
    "pixel": ("a piece of pixel art", "a pixel art picture"),
    "watercolour": ("a watercolour", "a watercolour painting"),
    "paper": ("a paper cut-out", "a paper cut-out picture"),
}
_SETTINGS = {
    "beach": ("a beach", "on a beach"),
    "forest": ("a forest", "in a forest"),
    "city": ("a city", "in a city"),
    "arctic": ("the arctic", "in the arctic"),
    "sea": ("the sea", "at sea"),
    "desert": ("a desert", "in a desert"),
    "meadow": ("a meadow", "in a meadow"),
    "mountains": ("the mountains", "in the mountains"),
}
_TIMES = {
    "day": ("in daylight", "by day"),
    "sunset": ("at sunset", "at sundown"),
    "night": ("at night", "by night"),
}
_WEATHERS = {
    "clear": ("in clear weather", "under a clear sky"),
    "rain": ("in the rain", "while it rains"),
    "snow": ("in falling snow", "while it snows"),
    "fog": ("in the fog", "in thick fog"),
    "storm": ("in a thunderstorm", "with lightning in the sky"),
}
_PLACES = {"left": "on the left", "middle": "in the middle", "right": "on the right"}


def plural(kind: str) -> str:
    return _PLURALS.get(kind, f"{kind}s")


def noun(thing: Thing) -> str:
    return thing.kind if thing.count == 1 else plural(thing.kind)


def group(thing: Thing) -> str:
    """The group with everything but its place: "two small red boats"."""
    return _counted(thing.count, f"{thing.size} {thing.colour} {noun(thing)}")


def full(spec: Spec, rng: Random) -> str:
    style = rng.choice(_STYLES[spec.style])
    place, located = _SETTINGS[spec.setting]
    when = rng.choice(_TIMES[spec.time])
    if spec.weather != "clear":
        when = f"{when} {rng.choice(_WEATHERS[spec.weather])}"
    things = _listed([_placed(thing, rng) for thing in rng.sample(spec.things, len(spec.things))])
    forms = (
        f"{style} of {place} {when}, with {things}",
        f"{things}, {located} {when}, as {style}",
        f"{style}: {things}, {located} {when}",
        f"{located} {when}: {things}, drawn as {style}",
    )
    return _sentence(rng.choice(forms))


def short(spec: Spec, rng: Random) -> tuple[str, ...]:
    thing, other = rng.choice(spec.things), rng.choice(spec.things)
    place, located = _SETTINGS[spec.setting]
    where = f"over {place}" if thing.kind in SKY_KINDS else located
    when = rng.choice(_TIMES[spec.time])
    if spec.weather != "clear" and rng.random() < 0.6:
        when = rng.choice(_WEATHERS[spec.weather])
    coloured = _counted(thing.count, f"{thing.colour} {noun(thing)}")
    plain = _counted(other.count, noun(other))
    return (
        f"{coloured} {where}",
        f"{place} {when}",
        rng.choice((f"{rng.choice(_STYLES[spec.style])} of {plain}", f"{plain} {when}")),
    )


def time_change(after: Spec, rng: Random) -> str:
    when = rng.choice(_TIMES[after.time])
    return rng.choice((when, f"the same {when}", f"make it {when}"))


def weather_change(after: Spec, rng: Random) -> str:
    weather = rng.choice(_WEATHERS[after.weather])
    return rng.choice((weather, f"the same {weather}", f"but {weather}"))


def style_change(after: Spec, rng: Random) -> str:
    style = rng.choice(_STYLES[after.style])
    return rng.choice((f"as {style}", f"turn it into {style}", f"the same as {style}"))


def setting_change(after: Spec, rng: Random) -> str:
    located = _SETTINGS[after.setting][1]
    return rng.choice((located, f"the same things {located}", f"{located} instead"))


def colour_change(after: Thing, rng: Random) -> str:
    name = noun(after)
    coloured = f"{after.colour} {name}"
    return rng.choice(
        (
            f"make the {name} {after.colour}",
            f"with {with_article(coloured) if after.count == 1 else coloured}",
            f"change the {name} to {after.colour}",
        )
    )


def count_change(after: Thing, rng: Random) -> str:
    counted = f"{_NUMBERS[after.count]} {noun(after)}"
    return rng.choice((f"with {counted} instead", f"make it {counted}", f"with exactly {counted}"))


def addition(thing: Thing, rng: Random) -> str:
    what = f"{group(thing)} {_PLACES[thing.place]}"
    return rng.choice((f"add {what}", f"with {what} as well", f"put {what}"))


def removal(thing: Thing, rng: Random) -> str:
    name = noun(thing)
    return rng.choice((f"without the {name}", f"remove the {name}", f"take away the {name}"))


def with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _counted(count: int, words: str) -> str:
    return with_article(words) if count == 1 else f"{_NUMBERS[count]} {words}"


def _placed(thing: Thing, rng: Random) -> str:
    where = _PLACES[thing.place]
    return f"{group(thing)} {where}" if rng.random() < 0.7 else f"{where} {group(thing)}"


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
