"""The seam that every composer fills; composers are hashable, and equal ones share batches.

A composer first says which prompts the text tower must embed (so that a server can embed those of
many callers together), then makes the questions of a batch of callers at once. Several instructions
apply in turn: `sum` and `slerp` fold one after the other, all others read them joined by " and ".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from models.encoders import DualEncoder, PictureEmbeddings, Prompt, encode_prompts
from models.errors import InputError
from models.phi import Phi
from models.query import Question
from models.vectors import Embeddings

TEXT_BATCH = 256


@dataclass(frozen=True)
class Asked:
    """One composed query: a picture, and what to change in it."""

    picture: PictureEmbeddings
    instructions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.instructions or any(not text.strip() for text in self.instructions):
            raise InputError("instruction is empty, expected at least one word")

    @property
    def joined(self) -> str:
        return " and ".join(text.strip() for text in self.instructions)


@dataclass(frozen=True)
class Tools:
    """What composers are made of: the model, and the phi networks that were given for it."""

    encoder: DualEncoder
    phis: Mapping[str, Phi] = field(default_factory=dict)  # by their kind


@dataclass(frozen=True)
class Weight:
    """A composer's one option: its range, and what it is unless given."""

    lowest: float
    highest: float
    default: float

    def checked(self, composer: str, weight: float) -> float:
        if not self.lowest <= weight <= self.highest:
            raise InputError(
                f"composer {composer}: weight is {weight}, expected {self.lowest} to {self.highest}"
            )
        return weight


class Composer(Protocol):
    @property
    def name(self) -> str: ...

    def prompts(self, asked: Asked) -> Sequence[Prompt]:
        """What of this query the text tower must embed."""
        ...

    def compose(self, asked: Sequence[Asked], texts: Sequence[Embeddings]) -> list[Question]:
        """n queries and the raw embeddings (prompts, dim) of their prompts -> n questions."""
        ...


class ComposerKind(Protocol):
    """A composer's class, as the registry holds it."""

    @property
    def weight(self) -> Weight | None:
        """None where there is nothing to weigh."""
        ...

    def missing(self, tools: Tools) -> str | None:
        """What keeps these tools from making it, in one phrase; None where nothing does."""
        ...

    def of(self, tools: Tools, weight: float) -> Composer:
        """Made of tools that nothing is missing of; 0 stands for a weight that it has not."""
        ...


def compose_now(encoder: DualEncoder, composer: Composer, asked: Sequence[Asked]) -> list[Question]:
    """The questions of these queries, which share forward passes of the text tower."""
    prompts = [composer.prompts(each) for each in asked]
    flat = [prompt for each in prompts for prompt in each]
    shares = (flat[at : at + TEXT_BATCH] for at in range(0, len(flat), TEXT_BATCH))
    rows = [encode_prompts(encoder, share) for share in shares]
    ends = np.cumsum([len(each) for each in prompts])
    texts = np.split(np.concatenate([encoder.encode_texts([]), *rows]), ends[:-1])
    return composer.compose(asked, texts)
