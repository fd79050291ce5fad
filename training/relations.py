"""Ways in which two pictures are related, and the words that lead from one to the other.

A relation draws queries: a picture, an instruction, and the picture that it leads to, all as rows
of one table of pictures. A picture of the target's group answers the query as well, and is no
negative of it. Groups are numbers, unique over all relations.

scene edits, by the scenes' own instructions; media: a photograph, drawing, cartoon or painting to
another medium, of the same picture, or, where it is of a class, of any of its class; same class:
another picture of it; captions: to a picture whose captions resemble, by what they say otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.corpus import Corpus
from training.rendered_corpus import MEDIA, RenderedCorpus
from training.renderings import WORDS

Rows = NDArray[np.int64]

PHOTOGRAPH = ("photo", "photograph", "picture taken with a camera")
AS = (
    "as a {}",
    "as a {}",
    "turn it into a {}",
    "make it a {}",
    "in the style of a {}",
    "a {} of this",
    "the same thing as a {}",
    "show it as a {}",
    "find this object in {}",
    "redrawn as a {}",
)
ANOTHER = (
    "another one of these",
    "more of these",
    "the same kind of thing",
    "another {}",
    "a different {}",
    "another picture of a {}",
    "show me other ones like it",
)


@dataclass(frozen=True)
class Drawn:
    queries: Rows  # (n,): rows of the table
    instructions: list[str]
    targets: Rows  # (n,)
    query_groups: Rows  # (n,)
    target_groups: Rows  # (n,)


class Relation(Protocol):
    def draw(self, count: int, random: np.random.Generator) -> Drawn: ...


@dataclass(frozen=True)
class SceneEdits:
    edits: NDArray[np.int64]  # (edits, 2): reference, target, as scenes
    instructions: Sequence[str]
    first: int  # the table's row of the first scene

    def draw(self, count: int, random: np.random.Generator) -> Drawn:
        picked = random.choice(len(self.edits), min(count, len(self.edits)), replace=False)
        references, targets = (self.edits[picked] + self.first).T
        said = [self.instructions[edit] for edit in picked]
        return Drawn(references, said, targets, references, targets)


@dataclass(frozen=True)
class Depicted:
    """Photographs, the table's first rows, and behind them, row by row, what each is redrawn as.

    A medium is a number: 0 a photograph, else one of MEDIA.
    """

    corpus: Corpus
    rendered: RenderedCorpus

    @property
    def photographs(self) -> int:
        return len(self.corpus)

    @cached_property
    def media(self) -> Rows:
        """(2 * photographs,)"""
        return np.concatenate([np.zeros(self.photographs, np.int64), self.rendered.media + 1])

    @cached_property
    def subjects(self) -> Rows:
        """(2 * photographs,): the group of what is depicted, whatever the medium."""
        return np.tile(np.array(self.corpus.groups, dtype=np.int64), 2)

    @cached_property
    def groups(self) -> Rows:
        """(2 * photographs,), negative: those of scenes are rows. A group is a subject in a
        medium."""
        return -1 - (self.media * self.photographs + self.subjects)

    @cached_property
    def of_subject(self) -> dict[int, Rows]:
        """Rows by subject."""
        order = np.argsort(self.subjects, kind="stable")
        starts = np.flatnonzero(np.diff(self.subjects[order], prepend=-1))
        parts = np.split(order, starts[1:])
        return {int(self.subjects[part[0]]): part for part in parts}

    def drawn(self, queries: list[int], said: list[str], targets: list[int]) -> Drawn:
        asked, wanted = np.array(queries, dtype=np.int64), np.array(targets, dtype=np.int64)
        return Drawn(asked, said, wanted, self.groups[asked], self.groups[wanted])


@dataclass(frozen=True)
class MediaChanges:
    depicted: Depicted

    def draw(self, count: int, random: np.random.Generator) -> Drawn:
        """As many from photographs as to them, and half as many between the other media."""
        depicted, said = self.depicted, list[str]()
        queries, targets = list[int](), list[int]()
        while len(queries) < count:
            query = int(random.integers(len(depicted.media)))
            others = depicted.of_subject[int(depicted.subjects[query])]
            others = others[depicted.media[others] != depicted.media[query]]
            if len(others):
                medium = random.choice(np.unique(depicted.media[others]))
                target = int(random.choice(others[depicted.media[others] == medium]))
                queries.append(query)
                targets.append(target)
                said.append(_as_medium(int(medium), random))
        return depicted.drawn(queries, said, targets)


@dataclass(frozen=True)
class SameClass:
    depicted: Depicted

    def draw(self, count: int, random: np.random.Generator) -> Drawn:
        depicted, said = self.depicted, list[str]()
        queries, targets = list[int](), list[int]()
        named = np.flatnonzero(depicted.corpus.is_class)
        while len(named) and len(queries) < count:
            query = int(random.choice(named))
            others = depicted.of_subject[int(depicted.subjects[query])]
            others = others[(depicted.media[others] == 0) & (others != query)]
            if len(others):
                queries.append(query)
                targets.append(int(random.choice(others)))
                word = depicted.corpus.captions[query][-1]
                said.append(str(random.choice(ANOTHER)).format(word))
        return depicted.drawn(queries, said, targets)


@dataclass(frozen=True)
class CaptionEdits:
    """Pairs whose instructions are written beforehand."""

    pairs: NDArray[np.int64]  # (pairs, 2): query, target, rows of the table
    instructions: Sequence[str]
    depicted: Depicted

    def draw(self, count: int, random: np.random.Generator) -> Drawn:
        picked = random.choice(len(self.pairs), min(count, len(self.pairs)), replace=False)
        queries, targets = self.pairs[picked].T
        said = [self.instructions[pair] for pair in picked]
        return self.depicted.drawn(queries.tolist(), said, targets.tolist())


def together(drawn: Sequence[Drawn]) -> Drawn:
    return Drawn(
        np.concatenate([each.queries for each in drawn]),
        [text for each in drawn for text in each.instructions],
        np.concatenate([each.targets for each in drawn]),
        np.concatenate([each.query_groups for each in drawn]),
        np.concatenate([each.target_groups for each in drawn]),
    )


def _as_medium(medium: int, random: np.random.Generator) -> str:
    words = PHOTOGRAPH if medium == 0 else WORDS[MEDIA[medium - 1]]
    word, template = str(random.choice(words)), str(random.choice(AS))
    article = "an" if word[0] in "aeiou" else "a"
    return template.replace("a {}", f"{article} {word}").replace("{}", word)
