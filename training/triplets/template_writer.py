"""Instructions from templates, offline: what differs between two captions or their tags, in words.

TemplateWriter(config).write(pairs) gives each pair one of its differences, drawn by the seed and
the pair alone (its texts and ids), so that the same pair gets the same instruction in any batch.
Where the words show no difference, or none that makes a usable instruction: None, and counted.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from random import Random
from typing import Literal

from pydantic import Field

from training.config import Section
from training.triplets.differences import Difference, differences
from training.triplets.instructions import DescribedPair, refusal

NO_DIFFERENCE = "nothing differs in the words"

# how often a kind is told where a pair has several, and how
WEIGHTS = {
    "medium": 8.0,
    "medium of another": 8.0,
    "replaced": 4.0,
    "count": 4.0,
    "colour": 2.0,
    "recoloured": 2.0,
    "added": 2.0,
    "removed": 1.0,
    "place": 3.0,
    "action": 3.0,
    "tag for tag": 2.0,
    "tag": 1.0,
    "whole": 1.0,
    "another": 1.0,
}
TEMPLATES: dict[str, tuple[str, ...]] = {
    "medium": (
        "as {medium}",
        "the same as {medium}",
        "turn it into {medium}",
        "make it {medium}",
        "{medium} of the same thing",
        "now as {medium}",
        "show this as {medium}",
        "in the form of {medium}",
    ),
    "medium of another": (
        "{medium} of {new}",
        "{new}, as {medium}",
        "show {medium} of {new} instead",
        "the same but {medium} of {new}",
    ),
    "replaced": (
        "{new} instead of {old}",
        "replace {old} with {new}",
        "swap {old} for {new}",
        "the same but with {new}",
        "change {old} into {new}",
        "{new} rather than {old}",
        "not {old} but {new}",
        "now with {new}",
        "with {new} in place of {old}",
        "make it {new}",
    ),
    "count": (
        "{new} instead of {number}",
        "now with {new}",
        "make it {new}",
        "the same but with {new}",
        "{new}, not {number}",
        "{new} rather than {number}",
    ),
    "colour": (
        "make the {noun} {colour}",
        "the same but with {new}",
        "change the {noun} to {colour}",
        "with {new} instead",
        "{colour} this time",
    ),
    "recoloured": (
        "{new} instead of {others}",
        "{new}, not {others}",
        "{new} rather than {others}",
        "not {others} but {new}",
    ),
    "added": (
        "with {new}",
        "now with {new}",
        "add {new}",
        "the same but with {new}",
        "also with {new}",
        "and {new} as well",
        "with {new} too",
    ),
    "removed": (
        "without the {old}",
        "the same without the {old}",
        "remove the {old}",
        "take away the {old}",
        "leave out the {old}",
        "now without the {old}",
    ),
    "place": (
        "{place} instead",
        "the same but {place}",
        "now {place}",
        "{place} this time",
        "show it {place}",
        "a similar picture but {place}",
    ),
    "action": (
        "now {action}",
        "the same but {action}",
        "{action} instead",
        "{action} this time",
        "a similar picture but {action}",
    ),
    "tag for tag": (
        "{new} instead of {old}",
        "{new} rather than {old}",
        "not {old} but {new}",
        "swap {old} for {new}",
        "from {old} to {new}",
    ),
    "tag": ("the same but {new}", "now {new}", "{new} this time", "more like {new}"),
    "whole": (
        "show {target}",
        "now {target}",
        "find {target}",
        "change it to {target}",
        "I want to see {target}",
        "{target} instead",
    ),
    "another": (
        "another {noun}",
        "a different {noun}",
        "one more picture of {thing}",
        "another view of {thing}",
        "a similar {noun}",
        "more pictures of {thing}",
        "a different picture of {thing}",
    ),
}
# a second change that may follow a first, behind a comma
FIRST = frozenset({"replaced", "count", "recoloured"})
SECOND = {"place": "{place}", "action": "{action}", "added": "with {new}"}
SECOND_SHARE = 0.35


class TemplateWriterConfig(Section):
    kind: Literal["template"] = "template"
    seed: int = 0
    most_words: int = Field(default=24, ge=4)


class TemplateWriter:
    def __init__(self, config: TemplateWriterConfig) -> None:
        self.refused: Counter[str] = Counter()
        self._config = config

    def write(self, pairs: Sequence[DescribedPair]) -> list[str | None]:
        return [self._instruction(pair) for pair in pairs]

    def _instruction(self, pair: DescribedPair) -> str | None:
        random = Random(json.dumps([self._config.seed, *map(astuple, pair)]))
        found = _by_chance(differences(pair), random)
        reason = NO_DIFFERENCE
        for difference in found:
            for text in _told(difference, found, random):
                refused = refusal(text, *pair, self._config.most_words)
                if refused is None:
                    return text
                reason = refused
        self.refused[reason] += 1
        return None


def _by_chance(found: list[Difference], random: Random) -> list[Difference]:
    """In a random order, each next one drawn by the weight of its kind among those left."""
    left, drawn = list(found), []
    kinds = Counter(difference.kind for difference in found)
    while left:
        weights = [WEIGHTS[difference.kind] / kinds[difference.kind] for difference in left]
        drawn.append(left.pop(random.choices(range(len(left)), weights)[0]))
    return drawn


def _told(difference: Difference, found: list[Difference], random: Random) -> Iterator[str]:
    """By each template of its kind, in a random order."""
    second = ""
    seconds = [other for other in found if other.kind in SECOND]
    if difference.kind in FIRST and seconds and random.random() < SECOND_SHARE:
        following = random.choice(seconds)
        second = f", {SECOND[following.kind].format(**following.slots)}"
    templates = TEMPLATES[difference.kind]
    for template in random.sample(templates, len(templates)):
        yield template.format(**difference.slots) + second
