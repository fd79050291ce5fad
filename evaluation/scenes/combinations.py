"""Which things an edit concerns: "cat/colour" is the edit of colour where a cat changes it.

combinations(reference, target, kind): sets of (thing's kind, edit's kind). An edit of things
concerns those that differ; one of the whole scene (its time, weather, style, setting) all that are
in it. What is held out of training is named so, and measured apart.
"""

from collections.abc import Collection, Iterable
from typing import Protocol

from evaluation.scenes.spec import KINDS
from models.errors import InputError

OF_THINGS = ("colour", "count", "add", "remove")
OF_SCENES = ("time", "weather", "style", "setting")


class Kinded(Protocol):
    """A group of things, of which any two that are equal are the same."""

    @property
    def kind(self) -> str: ...


def combinations(
    reference: Collection[Kinded], target: Collection[Kinded], kind: str
) -> frozenset[str]:
    """Of the things in both scenes."""
    concerned: Iterable[Kinded] = [*reference, *target]
    if kind in OF_THINGS:
        concerned = [thing for thing in concerned if (thing in reference) != (thing in target)]
    return frozenset(f"{thing.kind}/{kind}" for thing in concerned)


def checked_combinations(names: Iterable[str]) -> frozenset[str]:
    """Raises InputError for one that is no THING/EDIT."""
    known = frozenset(names)
    for name in sorted(known):
        thing, _, edit = name.partition("/")
        if thing not in KINDS or edit not in OF_THINGS + OF_SCENES:
            raise InputError(
                f"{name!r}: expected THING/EDIT, of {', '.join(KINDS)} and "
                f"{', '.join(OF_THINGS + OF_SCENES)}"
            )
    return known
