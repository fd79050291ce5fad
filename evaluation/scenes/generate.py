"""Make sets of scenes: families of one base picture and a few which differ from it in one thing.

generate(seed, count) gives exactly `count` scenes, the same ones on every machine. An edit is
recorded both ways, from base to variant and back. Raises InputError for a count below one.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TypeVar

from evaluation.scenes import captions
from evaluation.scenes.spec import (
    COLOURS,
    COUNTS,
    PLACES,
    SETTINGS,
    SIZES,
    STYLES,
    TIMES,
    WEATHERS,
    Edit,
    Scene,
    SceneSet,
    Spec,
    Thing,
    kinds_in,
)
from models.errors import InputError

Word = TypeVar("Word", str, int)

# after, the instruction there, the reverse's kind, the instruction back
Change = tuple[Spec, str, str, str]

_GROUPS = (1, 2, 2, 2, 3, 3)
_WEATHER_CHANCES = ("clear", "clear", "rain", "snow", "fog", "storm")


def generate(seed: int, count: int) -> SceneSet:
    if count < 1:
        raise InputError(f"a set of scenes needs a count of at least 1, got {count}")
    scenes: list[Scene] = []
    edits: list[Edit] = []
    seen: set[Spec] = set()
    family = 0
    while len(scenes) < count:
        _add_family(Random(f"{seed}/{family}"), count, scenes, edits, seen)
        family += 1
    return SceneSet(scenes=tuple(scenes), edits=tuple(edits))


def _add_family(
    rng: Random, count: int, scenes: list[Scene], edits: list[Edit], seen: set[Spec]
) -> None:
    layout_seed = rng.getrandbits(32)
    base = _base(rng)
    if base in seen:
        return
    seen.add(base)
    reference = _scene(base, len(scenes), layout_seed, rng)
    scenes.append(reference)
    for kind in rng.sample(tuple(_CHANGES), rng.randint(1, 4)):
        change = _CHANGES[kind](base, rng)
        if change is None or change[0] in seen or len(scenes) == count:
            continue
        after, there, reverse, back = change
        seen.add(after)
        target = _scene(after, len(scenes), layout_seed, rng)
        scenes.append(target)
        edits.append(Edit(reference.file, there, kind, target.file))
        edits.append(Edit(target.file, back, reverse, reference.file))


def _scene(spec: Spec, number: int, layout_seed: int, rng: Random) -> Scene:
    return Scene(
        file=f"scene-{number:05d}.png",
        style=spec.style,
        setting=spec.setting,
        time=spec.time,
        weather=spec.weather,
        things=spec.things,
        layout_seed=layout_seed,
        full=captions.full(spec, rng),
        short=captions.short(spec, rng),
    )


def _base(rng: Random) -> Spec:
    setting = rng.choice(SETTINGS)
    groups = rng.choice(_GROUPS)
    places = rng.sample(PLACES, groups)
    kinds = rng.sample(kinds_in(setting), groups)
    things = [_thing(kind, place, rng) for kind, place in zip(kinds, places, strict=True)]
    return Spec(
        style=rng.choice(STYLES),
        setting=setting,
        time=rng.choice(TIMES),
        weather=rng.choice(_WEATHER_CHANCES),
        things=_ordered(things),
    )


def _thing(kind: str, place: str, rng: Random) -> Thing:
    return Thing(kind, rng.choice(COLOURS), rng.choice(SIZES), rng.choice(COUNTS), place)


def _ordered(things: list[Thing]) -> tuple[Thing, ...]:
    return tuple(sorted(things, key=lambda thing: PLACES.index(thing.place)))


def _other(options: tuple[Word, ...], current: Word, rng: Random) -> Word:
    return rng.choice([option for option in options if option != current])


def _swap(spec: Spec, old: Thing, new: Thing) -> Spec:
    return replace(spec, things=tuple(new if thing == old else thing for thing in spec.things))


def _time(spec: Spec, rng: Random) -> Change:
    after = replace(spec, time=_other(TIMES, spec.time, rng))
    return after, captions.time_change(after, rng), "time", captions.time_change(spec, rng)


def _weather(spec: Spec, rng: Random) -> Change:
    after = replace(spec, weather=_other(WEATHERS, spec.weather, rng))
    return after, captions.weather_change(after, rng), "weather", captions.weather_change(spec, rng)


def _style(spec: Spec, rng: Random) -> Change:
    after = replace(spec, style=_other(STYLES, spec.style, rng))
    return after, captions.style_change(after, rng), "style", captions.style_change(spec, rng)


def _setting(spec: Spec, rng: Random) -> Change | None:
    wanted = {thing.kind for thing in spec.things}
    options = [s for s in SETTINGS if s != spec.setting and wanted <= set(kinds_in(s))]
    if not options:
        return None
    after = replace(spec, setting=rng.choice(options))
    return after, captions.setting_change(after, rng), "setting", captions.setting_change(spec, rng)


def _colour(spec: Spec, rng: Random) -> Change:
    old = rng.choice(spec.things)
    new = replace(old, colour=_other(COLOURS, old.colour, rng))
    there, back = captions.colour_change(new, rng), captions.colour_change(old, rng)
    return _swap(spec, old, new), there, "colour", back


def _count(spec: Spec, rng: Random) -> Change:
    old = rng.choice(spec.things)
    new = replace(old, count=_other(COUNTS, old.count, rng))
    there, back = captions.count_change(new, rng), captions.count_change(old, rng)
    return _swap(spec, old, new), there, "count", back


def _add(spec: Spec, rng: Random) -> Change | None:
    free = [place for place in PLACES if all(thing.place != place for thing in spec.things)]
    if not free:
        return None
    taken = {thing.kind for thing in spec.things}
    kind = rng.choice([kind for kind in kinds_in(spec.setting) if kind not in taken])
    thing = _thing(kind, rng.choice(free), rng)
    after = replace(spec, things=_ordered([*spec.things, thing]))
    return after, captions.addition(thing, rng), "remove", captions.removal(thing, rng)


def _remove(spec: Spec, rng: Random) -> Change | None:
    if len(spec.things) == 1:
        return None
    thing = rng.choice(spec.things)
    after = replace(spec, things=tuple(other for other in spec.things if other != thing))
    return after, captions.removal(thing, rng), "add", captions.addition(thing, rng)


_CHANGES: dict[str, Callable[[Spec, Random], Change | None]] = {
    "time": _time,
    "weather": _weather,
    "colour": _colour,
    "add": _add,
    "remove": _remove,
    "style": _style,
    "setting": _setting,
    "count": _count,
}
