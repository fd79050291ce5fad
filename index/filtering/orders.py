"""The orders that a collection is paged through in, and where SQLite keeps each.

An order rises by two columns, of which the second settles ties: no two items have both the same.
Items without a value of the first one come last, whichever way the others go, among themselves by
the second. Going down is the reverse of going up, ties included.

    taken_at, added_at  the date as text, then the id
    path                the source, then the path of the item's first occurrence in it
    name                what follows the last slash of that path, then the id
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from index.filtering.facts import ASKED, OCCURRENCES, OCCURRENCES_OF
from index.migrations import NAME


class Key(NamedTuple):
    """An item's place in an order; `value` is None where it has none."""

    value: str | None
    tie: str


class Part(NamedTuple):
    """A condition, and its parameters."""

    condition: str
    given: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Order:
    value: str
    tie: str
    item: str
    tables: str  # where an index has it in order
    among: str  # from the items that are asked for
    only: str = "TRUE"  # which rows stand for their items

    def select(self, tables: str, condition: str) -> str:
        return (
            f"SELECT {self.item}, {self.value}, {self.tie} FROM {tables} "
            f"WHERE ({condition}) AND {self.only}"
        )

    def sorted(self, descending: bool, *, mixed: bool = False) -> str:
        """`mixed`: of items with a value and those without, which no index has in order."""
        down = " DESC" if descending else ""
        last = f"{self.value} IS NULL, " if mixed else ""
        return f"ORDER BY {last}{self.value}{down}, {self.tie}{down}"

    def parts_after(self, after: Key | None, descending: bool) -> list[Part]:
        """What comes after a key, in parts that follow each other: of each SQLite's index has the
        beginning, however many have the same value."""
        beyond = "<" if descending else ">"
        without = f"{self.value} IS NULL"
        if after is None:
            return [Part(f"{self.value} IS NOT NULL"), Part(without)]
        tied = f"{self.tie} {beyond} ?"
        if after.value is None:
            return [Part(f"{without} AND {tied}", (after.tie,))]
        return [
            Part(f"{self.value} = ? AND {tied}", after),
            Part(f"{self.value} {beyond} ?", (after.value,)),
            Part(without),
        ]


def comes_after(key: Key, after: Key, descending: bool) -> bool:
    """What `parts_after` says, of keys in memory."""
    if key.value is None or after.value is None:
        only_one = (key.value is None) != (after.value is None)
        return key.value is None if only_one else _beyond(key.tie, after.tie, descending)
    return _beyond((key.value, key.tie), (after.value, after.tie), descending)


def _beyond(left: Any, right: Any, descending: bool) -> bool:  # noqa: ANN401
    return bool(left < right if descending else left > right)


def _of_item(column: str) -> Order:
    table = "items AS i"
    among = f"{ASKED} {table} ON i.id = asked.value"
    return Order(f"i.{column}", "i.id", "i.id", table, among)


# the unary + keeps SQLite from walking the index of paths for each item
FIRST = """NOT EXISTS (
    SELECT 1 FROM occurrences AS other WHERE other.item_id = o.item_id
    AND (+other.source, +other.path) < (o.source, o.path)
)"""

ORDERS = {
    "taken_at": _of_item("taken_at"),
    "added_at": _of_item("added_at"),
    "path": Order("o.source", "o.path", "o.item_id", OCCURRENCES, OCCURRENCES_OF, FIRST),
    "name": Order(
        NAME.replace("path,", "o.path,"),
        "o.item_id",
        "o.item_id",
        OCCURRENCES,
        OCCURRENCES_OF,
        FIRST,
    ),
}
