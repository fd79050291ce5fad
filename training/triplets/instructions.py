"""What an instruction is written from, and when one can be used.

refusal(answer, query, target, most_words) -> why it cannot be used, or None. Usable is one
printable line of 2 to `most_words` words that neither repeats what is said of one of the two
pictures, nor declines, nor carries what is left of JSON or markup.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

LEAST_WORDS = 2
MOST_CHARACTERS = 400

EMPTY = "empty"
SEVERAL_LINES = "several lines"
NOT_PRINTABLE = "not printable"
MARKUP = "remains of JSON or markup"
TOO_SHORT = "too few words"
TOO_LONG = "too many words"
DECLINES = "declines to answer"
NAMES_THE_PAIR = "speaks of a query or target picture"
COPY = "repeats a caption"

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_MARKUP = re.compile(r"[{}\[\]<>|`\\]|\*\*|\":|^(?:[-*#]|\d+[.)])\s|^json\b", re.IGNORECASE)
_DECLINES = re.compile(
    r"^(?:i'?m|i am) (?:very |so )?(?:sorry|afraid|unable|not able)\b"
    r"|^(?:sorry|apologies|unfortunately)\b"
    r"|^i (?:cannot|can not|can'?t|could not|couldn'?t|won'?t|do not|don'?t)\b"
    r"|^as an? (?:ai|assistant)\b|\bas an ai\b|\b(?:large )?language model\b"
    r"|\bcannot (?:assist|help|comply|provide|fulfil)",
    re.IGNORECASE,
)
_NAMES_THE_PAIR = re.compile(
    r"\b(?:query|target|source)(?: (?:image|picture|photo)\b|'s\b)"
    r"|\b(?:image|picture) [12ab]\b|\bsecond (?:image|picture)\b",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^(?:the )?instructions?\s*:\s*", re.IGNORECASE)
_STRAIGHT = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")


@dataclass(frozen=True)
class Described:
    """What is said of one picture; "" or () where nothing is.

    `id` is no text: it tells apart pictures of which the same is said.
    """

    alt: str = ""
    caption: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    id: str = ""

    @property
    def text(self) -> str:
        """The best of its sentences."""
        return self.caption or self.alt or self.title

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is said, in the order alt, caption, title, tags."""
        return tuple(text for text in (self.alt, self.caption, self.title, *self.tags) if text)


DescribedPair = tuple[Described, Described]  # query, target


class InstructionWriter(Protocol):
    """Turns a pair, query first, into an instruction that leads from the one to the other."""

    @property
    def refused(self) -> Counter[str]:
        """How many pairs have got no instruction so far, by reason."""
        ...

    def write(self, pairs: Sequence[DescribedPair]) -> list[str | None]:
        """In the order of the pairs; None where there is no usable instruction."""
        ...


def tidied(answer: str) -> str:
    """Without what models put around an instruction: space, quotes, "Instruction:"."""
    bare = _LABEL.sub("", answer.translate(_STRAIGHT).strip())
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1].strip()
    return bare


def refusal(answer: str, query: Described, target: Described, most_words: int) -> str | None:
    """Of a tidied answer: one of this module's reasons."""
    count = len(_WORD.findall(answer[: MOST_CHARACTERS + 1]))
    checks = (
        (EMPTY, not answer),
        (SEVERAL_LINES, len(answer.splitlines()) > 1),
        (NOT_PRINTABLE, not answer.isprintable()),
        (DECLINES, _DECLINES.search(answer) is not None),
        (MARKUP, _MARKUP.search(answer) is not None),
        (TOO_SHORT, count < LEAST_WORDS),
        (TOO_LONG, count > most_words or len(answer) > MOST_CHARACTERS),
        (NAMES_THE_PAIR, _NAMES_THE_PAIR.search(answer) is not None),
        (COPY, _core(answer) in {_core(text) for text in (*query.texts, *target.texts)}),
    )
    return next((reason for reason, applies in checks if applies), None)


def _core(text: str) -> str:
    """What two spellings of one sentence share: its words."""
    return " ".join(_WORD.findall(text.translate(_STRAIGHT).casefold()))
