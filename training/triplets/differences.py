"""How the target's description differs from the query's, one change at a time.

differences((query, target)) -> every change that the words show, each with the slots that
templates of its kind fill. Words which may name the same thing ("a man", "a person") count as no
change. What a caption leaves out may still be in the picture: a change is what captions say, no
more.
"""

from dataclasses import dataclass, field
from functools import cached_property

from training.triplets import words
from training.triplets.instructions import Described, DescribedPair
from training.triplets.phrases import Phrase, Scene, parse, with_article

DEFAULT_MEDIUM = "photo"


@dataclass(frozen=True)
class Difference:
    kind: str
    slots: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Said:
    """A description, read."""

    scene: Scene
    tags: tuple[str, ...]
    medium: str | None

    @cached_property
    def nouns(self) -> set[str]:
        """Every word of the text, so that a noun of the other counts as new only if it is."""
        found = [token.strip(".,;:!?") for token in self.scene.text.split()]
        return {words.singular(token) for token in found} | {tag.lower() for tag in self.tags}

    def may_show(self, noun: str) -> bool:
        return any(words.kindred(noun, other) for other in self.nouns)


def differences(pair: DescribedPair) -> list[Difference]:
    query, target = _said(pair[0]), _said(pair[1])
    if of_medium := _medium(query, target):
        return of_medium
    found = [
        *_subject(query, target),
        *_things(query, target),
        *_surroundings(query, target),
        *_tags(query, target),
    ]
    if found or not query.nouns:
        return [*found, *_whole(query, target)]
    return _another(query, target)


def _said(described: Described) -> _Said:
    tags = [" ".join(tag.replace("_", " ").lower().split()) for tag in described.tags]
    media = [words.MEDIUM_OF[tag] for tag in tags if tag in words.MEDIUM_OF]
    rest = tuple(tag for tag in tags if tag and tag not in words.MEDIUM_OF)
    is_name = not described.text and len(rest) == 1
    scene = parse(rest[0] if is_name else described.text)
    return _Said(scene, () if is_name else rest, scene.medium or (media[0] if media else None))


def _medium(query: _Said, target: _Said) -> list[Difference]:
    medium = target.medium
    if medium is None or medium == (query.medium or DEFAULT_MEDIUM):
        return []
    slots = {"medium": with_article(medium)}
    subject, before = target.scene.subject, query.scene.subject
    if subject and before and not words.kindred(subject.noun, before.noun):
        return [Difference("medium of another", {**slots, "new": subject.named()})]
    return [Difference("medium", slots)]


def _subject(query: _Said, target: _Said) -> list[Difference]:
    old, new = query.scene.subject, target.scene.subject
    if old is None or new is None:
        return []
    if words.singular(old.noun) == words.singular(new.noun):
        return [*_count(old, new), *_colour(old, new)]
    if query.may_show(new.noun) or target.may_show(old.noun):
        return []
    return [Difference("replaced", {"old": old.named(), "new": new.named()})]


def _count(old: Phrase, new: Phrase) -> list[Difference]:
    many = new.determiner in words.SEVERAL
    if old.count is None or old.count == new.count or not (new.count or many):
        return []
    number = next(word for word, count in words.NUMBERS.items() if count == old.count)
    return [Difference("count", {"new": new.named(), "number": number})]


def _colour(old: Phrase, new: Phrase) -> list[Difference]:
    if not new.colours or set(new.colours) == set(old.colours) or old.count != new.count:
        return []
    slots = {"noun": new.head, "colour": " and ".join(new.colours), "new": new.named()}
    if not old.colours:
        return [Difference("colour", slots)]
    before = " and ".join(old.colours)
    others = f"{before} ones" if words.plural(old.head) else f"{with_article(before)} one"
    return [Difference("colour", slots), Difference("recoloured", {**slots, "others": others})]


def _things(query: _Said, target: _Said) -> list[Difference]:
    added = [
        Difference("added", {"new": thing.named()})
        for thing in target.scene.things[1:]
        if thing.is_indefinite and not query.may_show(thing.noun)
    ]
    removed = [
        Difference("removed", {"old": thing.bare})
        for thing in query.scene.things[1:]
        if thing.is_indefinite and not target.may_show(thing.noun)
    ]
    return [*added, *removed]


def _surroundings(query: _Said, target: _Said) -> list[Difference]:
    places = [
        Difference("place", {"place": f"{preposition} {thing}"})
        for preposition, thing in target.scene.places
        if not query.may_show(thing.noun)
    ]
    action = target.scene.action
    if not action or action.split()[0] == query.scene.action.split(" ")[0]:
        return places
    return [*places, Difference("action", {"action": action})]


def _tags(query: _Said, target: _Said) -> list[Difference]:
    new = [tag for tag in target.tags if tag not in query.tags and not query.may_show(tag)]
    old = [tag for tag in query.tags if tag not in target.tags and not target.may_show(tag)]
    if not new:
        return []
    swap = [Difference("tag for tag", {"new": new[0], "old": old[0]})] if old else []
    return [*swap, *(Difference("tag", {"new": tag}) for tag in new)]


def _whole(query: _Said, target: _Said) -> list[Difference]:
    subject, places = target.scene.subject, target.scene.places
    if subject is None:
        return []
    doing = target.scene.action or (f"{places[0][0]} {places[0][1]}" if places else "")
    if not doing and query.may_show(subject.noun):
        return []
    return [Difference("whole", {"target": f"{subject.named()} {doing}".strip()})]


def _another(query: _Said, target: _Said) -> list[Difference]:
    """Of two pictures of which the same is said: that the other is wanted."""
    old, new = query.scene.subject, target.scene.subject
    if old and new and words.singular(old.noun) == words.singular(new.noun):
        return [Difference("another", {"noun": new.head, "thing": new.named()})]
    if shared := [tag for tag in target.tags if tag in query.tags]:
        return [Difference("another", {"noun": shared[0], "thing": with_article(shared[0])})]
    return []
