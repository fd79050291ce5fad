"""How hard a search of an index tries, and what recall that was measured to reach.

Efforts are chosen by index.tuning, apart for queries that are like pictures and for those that are
like texts, which lie off the pictures' distribution and need more. A Tuning is kept as JSON beside
its index. parse_tuning raises CollectionError for what is not one.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from models.errors import CollectionError


@dataclass(frozen=True)
class Effort:
    breadth: int  # inverted lists probed, or HNSW's efSearch; of no account to other kinds
    proposed: int  # candidates to score exactly

    def among(self, share: float) -> "Effort":
        """For a search among that share of the rows, 0 < share <= 1: the nearest of fewer rows
        lie farther, so more lists are probed, and of what lies far the codes tell less."""
        return Effort(round(self.breadth / share), round(self.proposed / share**0.25))


@dataclass(frozen=True)
class Reached:
    effort: Effort
    recall: float  # mean recall@10 of the queries, after exact scoring
    queries: int


@dataclass(frozen=True)
class Tuning:
    target: float
    image: Reached
    text: Reached
    texts_given: bool  # False: text-like queries were made from the gallery

    @property
    def missed(self) -> tuple[str, ...]:
        """The kinds of query, of "image" and "text", for which no effort reached the target."""
        kinds = {"image": self.image, "text": self.text}
        return tuple(kind for kind, reached in kinds.items() if reached.recall < self.target)

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def parse_tuning(text: str) -> Tuning:
    try:
        held = json.loads(text)
        return Tuning(
            float(held["target"]),
            _reached(held["image"]),
            _reached(held["text"]),
            bool(held["texts_given"]),
        )
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
        raise CollectionError(f"search effort cannot be read: {text[:80]!r}") from error


def _reached(held: dict[str, Any]) -> Reached:
    effort = Effort(int(held["effort"]["breadth"]), int(held["effort"]["proposed"]))
    return Reached(effort, float(held["recall"]), int(held["queries"]))
