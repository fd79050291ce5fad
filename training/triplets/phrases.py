"""What a caption names: its medium, the things in it, where they are, what goes on.

parse(text) -> Scene, all of it in lower case. It goes by closed word classes and spelling alone (no
tagger, nothing to install), so a caption that it cannot follow gives fewer phrases, not wrong
English. Every text is parsed, the empty one to an empty Scene.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from training.triplets import words
from training.triplets.words import CLOSED, COLOURS, DETERMINERS, NUMBERS, vocabulary

MOST_CHARACTERS = 1000  # of a text; what is behind is not read
MOST_ACTION_WORDS = 8
_COMPOUND = {
    ("next", "to"): "next to",
    ("in", "front", "of"): "in front of",
    ("on", "top", "of"): "on top of",
}
_PLACES = words.PLACES | frozenset(_COMPOUND.values())
# places of no use without what they are a part of
_PARTS = vocabulary(
    "background foreground mouth back front side middle hand arm head face way other end top edge"
    " rear lap shoulder tow mid distance each line row spot time it"
)
_STOPS = vocabulary(". , ; : ! ? while whilst as who that which is are")
_NO_LAST_WORDS = CLOSED - {"together", "up", "down", "alone", "nearby"}
_NO_NAME_BEHIND = vocabulary("to he she they it who that which")
_NAME_BEHIND = (words.PREPOSITIONS - {"to"}) | {"and", "or", ","}
_OPENING = re.compile(r"(?:(?:an?|the) )?((?:[\w-]+ ){0,3}?[\w-]+) (?:of|showing|depicting) ")
_GROUPS = vocabulary("group pair couple bunch crowd team pack herd flock lot set row number")


@dataclass(frozen=True)
class Phrase:
    """A thing, as it is named: "two", ("black", "dogs"); "of" and what follows it in `rest`."""

    determiner: str
    words: tuple[str, ...]
    rest: str = ""

    @property
    def head(self) -> str:
        return self.words[-1]

    @property
    def noun(self) -> str:
        """The last noun: of "a group of people", "people"."""
        return self.rest.split()[-1] if self.rest and self.head in _GROUPS else self.head

    @property
    def colours(self) -> tuple[str, ...]:
        pairs = pairwise(self.words)  # not the brown of "a brown haired boy"
        return tuple(word for word, after in pairs if word in COLOURS and not after.endswith("ed"))

    @property
    def count(self) -> int | None:
        """None where it is not said: "dogs", "some dogs", "a group of dogs"."""
        known = not self.rest and words.plural(self.head) == (NUMBERS.get(self.determiner, 0) > 1)
        return NUMBERS.get(self.determiner) if known else None

    @property
    def is_indefinite(self) -> bool:
        return self.determiner in words.SEVERAL | NUMBERS.keys() | {""}

    @property
    def bare(self) -> str:
        """Without the determiner."""
        return " ".join(part for part in (*self.words, self.rest) if part)

    def __str__(self) -> str:
        return f"{self.determiner} {self.bare}".strip()

    def named(self) -> str:
        """As something new in a picture: with an article where a single thing needs one."""
        determiner = self.determiner
        if determiner in ("another", "this", "that", "one"):
            determiner = "a"
        if determiner in ("the", "these", "those"):
            determiner = ""
        if not determiner and not words.plural(self.head) and self.head not in words.MASS:
            determiner = "a"
        if determiner in ("a", "an"):
            return with_article(self.bare)
        return f"{determiner} {self.bare}".strip()


@dataclass(frozen=True)
class Scene:
    text: str = ""  # as one line without its last stop, the medium taken off
    medium: str | None = None
    things: tuple[Phrase, ...] = ()  # but for those that something goes through, over, to, ...
    places: tuple[tuple[str, Phrase], ...] = ()  # a preposition and what it leads to
    action: str = ""  # from a participle on

    @property
    def subject(self) -> Phrase | None:
        return self.things[0] if self.things else None


def parse(text: str) -> Scene:
    line = " ".join(text[:MOST_CHARACTERS].replace("_", " ").replace("\u2019", "'").lower().split())
    line = re.sub(r" '(?=s\b)", "'", line).strip(" .!")
    medium, rest = _medium(line)
    reader = _Reader(re.findall(r"[^\W_]+(?:['-][^\W_]+)*|[.,;:!?]", rest))
    reader.read()
    plain = re.sub(r"\s+([.,;:!?])", r"\1", rest)
    return Scene(plain, medium, tuple(reader.things), tuple(reader.places), reader.action())


def with_article(bare: str) -> str:
    """By its first sound, as far as spelling tells: "an hour" and "a unicycle" too."""
    vowel = re.match(r"[aeiou]|hour|honest", bare) and not re.match(r"uni|use|eu|one\b|ute", bare)
    return f"{'an' if vowel else 'a'} {bare}"


def _medium(line: str) -> tuple[str | None, str]:
    """The canonical medium of "a sketch of a dog", or of "sketch", and the text without it."""
    opening = _OPENING.match(line)
    if opening is None:
        # nothing but its medium is said: a longer name is of a thing, as "dog toy"
        medium = words.MEDIUM_OF.get(re.sub(r"^(?:an?|the) ", "", line))
        return medium, "" if medium else line
    named = opening.group(1).split()
    for skipped in range(len(named)):
        name = " ".join(named[skipped:])
        if name in words.MEDIUM_OF or name in words.PICTURE_WORDS:
            return words.MEDIUM_OF.get(name), line[opening.end() :]
    return None, line


class _Reader:
    """Reads tokens from the left: a thing, a place, a verb, or one token that is none of these."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.things: list[Phrase] = []
        self.places: list[tuple[str, Phrase]] = []
        self._verbs: list[int] = []

    def read(self) -> None:
        at = 0
        after_thing = False
        while at < len(self.tokens):
            preposition, start = self._preposition(at)
            found = self._thing(start)
            if found and not self._may_stand(found[0], start, after_thing and not preposition):
                found = None
            if found and preposition in _PLACES:
                if self._is_place(found[0]) and not self._is_aim(at):
                    self.places.append((preposition, found[0]))
            elif found and preposition in ("", "with"):
                self.things.append(found[0])
            elif not found and not preposition:
                self._note_verb(at)
            after_thing = found is not None
            at = found[1] if found else max(start, at + 1)

    def action(self) -> str:
        """From the first verb to the end of its clause, as a participle."""
        if not self._verbs:
            return ""
        verb = self._verbs[0]
        first = self.tokens[verb]
        lead = first if _is_participle(first) else words.participle(first)
        clause = self.tokens[verb + 1 : self._verbs[1] if self._verbs[1:] else None]
        length = next((at for at in range(len(clause)) if _ends_clause(clause, at)), len(clause))
        if length >= MOST_ACTION_WORDS:
            return ""
        clause = clause[:length]
        while clause and clause[-1] in _NO_LAST_WORDS:
            clause.pop()
        is_open = not clause and lead not in words.INTRANSITIVE
        if is_open or (clause and _asks_for_a_noun(clause[-1])):
            return ""
        return " ".join([lead, *clause])

    def _may_stand(self, thing: Phrase, start: int, is_adjacent: bool) -> bool:
        """Whether words without a determiner name a thing; in "a dog runs" they do not."""
        if thing.determiner or start == 0:
            return True
        before = self.tokens[start - 1]
        if is_adjacent or before in _NO_NAME_BEHIND or (thing.words[0] in words.VERBS):
            return False
        if before in _NAME_BEHIND or _is_participle(before):
            return True
        return words.plural(thing.head) or thing.head in words.MASS

    def _preposition(self, at: int) -> tuple[str, int]:
        for parts, name in _COMPOUND.items():
            if tuple(self.tokens[at : at + len(parts)]) == parts:
                return name, at + len(parts)
        token = self.tokens[at]
        return (token, at + 1) if token in words.PREPOSITIONS else ("", at)

    def _thing(self, start: int) -> tuple[Phrase, int] | None:
        """The phrase that begins there, and where the text goes on."""
        at, determiner = start, ""
        while at < len(self.tokens) and self.tokens[at] in DETERMINERS:
            is_few = determiner == "a" and self.tokens[at] == "few"
            determiner = "a few" if is_few else self.tokens[at]
            at += 1
        named: list[str] = []
        while at < len(self.tokens) and self._goes_on(determiner, named, at):
            named.append(self.tokens[at])
            at += 1
        if not named or _is_participle(named[-1]) or _asks_for_a_noun(named[-1]):
            return None
        of = self._thing(at + 1) if self.tokens[at : at + 1] == ["of"] else None
        if of:
            return Phrase(determiner, tuple(named), f"of {of[0]}"), of[1]
        return Phrase(determiner, tuple(named)), at

    def _goes_on(self, determiner: str, named: list[str], at: int) -> bool:
        token = self.tokens[at]
        if token == "and":  # "a black and white dog"
            return _joins_colours([*named[-1:], token, *self.tokens[at + 1 : at + 2]])
        if token in CLOSED or not token[0].isalnum():
            return False
        if _is_participle(token):
            return bool(determiner) and (not named or named[-1] in words.ADJECTIVES)
        return not (named and self._is_verb(determiner, named, at))

    def _is_verb(self, determiner: str, named: list[str], at: int) -> bool:
        """Whether a noun phrase has ended before this token, by number and what follows."""
        token, before = self.tokens[at], named[-1]
        following = self.tokens[at + 1] if at + 1 < len(self.tokens) else "."
        looks_finite = words.plural(token) and token not in words.PLURALS
        is_verb = words.singular(token) in words.VERBS
        if not determiner and looks_finite and (is_verb or following in DETERMINERS):
            return True  # "snow covers the ground"
        if before in COLOURS or before.endswith("'s"):
            return False
        ends = following in CLOSED or not following[0].isalnum() or _is_participle(following)
        if token.endswith("ed") and len(token) > 4:
            return ends
        if words.plural(before):
            return is_verb
        if looks_finite:
            return determiner in words.SINGULAR or is_verb
        return determiner in ("", "one") and ends and token in words.VERBS

    def _note_verb(self, at: int) -> None:
        token = self.tokens[at]
        is_word = token[0].isalnum() and token not in CLOSED and token not in COLOURS
        follows = at - 1 not in self._verbs and self.tokens[at - 1] not in words.PREPOSITIONS
        if is_word and follows and self.things and not token.endswith("ed"):
            self._verbs.append(at)

    def _is_aim(self, at: int) -> bool:
        """As "looking at", where the words behind are no place."""
        verbs = (at - 1 in self._verbs) or (at > 0 and _is_participle(self.tokens[at - 1]))
        return self.tokens[at] == "at" and verbs

    def _is_place(self, thing: Phrase) -> bool:
        return thing.determiner not in words.OWNERS and words.singular(thing.head) not in _PARTS


def _ends_clause(clause: list[str], at: int) -> bool:
    token = clause[at]
    around = clause[max(at - 1, 0) : at + 2]
    return token in _STOPS or (token == "and" and not _joins_colours(around))


def _asks_for_a_noun(token: str) -> bool:
    is_past = token.endswith("ed") and len(token) > 4 and token not in words.ENDS_IN_ED
    return is_past or token in words.ADJECTIVES or token in COLOURS


def _joins_colours(around: list[str]) -> bool:
    """As the "and" of "a black and white dog"."""
    return len(around) == 3 and around[0] in COLOURS and around[2] in COLOURS


def _is_participle(token: str) -> bool:
    return token.endswith("ing") and len(token) > 4 and token not in words.ENDS_IN_ING
