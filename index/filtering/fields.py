"""Which fields a collection can be filtered by, and names that are none of them.

A name that no picture has is no mistake of form: tomorrow one may have it. A search by it finds
nothing, though, and whoever mistyped it should hear so.
"""

import difflib
from collections.abc import Iterable, Iterator

from index.filtering.facts import Database
from index.filtering.filters import METADATA, NUMBERS, TEXTS, Condition, Filter, Node, Not

SHOWN = 60  # characters of a name
# steps from one name to the next, so that no more is read than there are names
NAMES = """WITH RECURSIVE known (name) AS (
    SELECT min(field) FROM facts UNION ALL
    SELECT (SELECT min(field) FROM facts WHERE field > known.name)
    FROM known WHERE known.name IS NOT NULL
) SELECT name FROM known WHERE name IS NOT NULL"""
ANY = "SELECT 1 FROM facts WHERE field = ? LIMIT 1"


def metadata_names(database: Database) -> list[str]:
    """What some picture has, in order."""
    return [name for (name,) in database.rows(NAMES)]


def misnamed(database: Database, filter: Filter) -> list[str]:  # noqa: A002
    """A warning for each of the filter's fields that no picture has."""
    return [text for field in asked_of(filter) for text in unknown(database, field)]


def asked_of(filter: Filter) -> list[str]:  # noqa: A002
    """Each of the filter's fields once."""
    return list(dict.fromkeys(condition.field for condition in _conditions(filter.root)))


def unknown(database: Database, field: str) -> list[str]:
    """A warning, where the field is none of any picture: with the nearest one that is."""
    name = field.removeprefix(METADATA)
    if not field.startswith(METADATA) or list(database.rows(ANY, (name,))):
        return []
    text = misspelt(field, metadata_names(database))
    return [] if text is None else [text]


def misspelt(field: str, known: Iterable[str]) -> str | None:
    """The same, of a collection whose metadata have these names."""
    name, names = field.removeprefix(METADATA), sorted(known)
    if not field.startswith(METADATA) or name in names:
        return None
    text = f"no picture has a field {name[:SHOWN]!r}"
    near = nearest(name, [*names, *sorted(TEXTS | NUMBERS)])
    return text if near is None else f"{text}; did you mean {near[:SHOWN]!r}?"


def nearest(name: str, names: list[str]) -> str | None:
    """Without regard to case; None where none is near."""
    folded = {each.casefold(): each for each in reversed(names)}
    found = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[found[0]] if found else None


def _conditions(node: Node) -> Iterator[Condition]:
    if isinstance(node, Condition):
        yield node
        return
    for part in (node.part,) if isinstance(node, Not) else node.parts:
        yield from _conditions(part)
