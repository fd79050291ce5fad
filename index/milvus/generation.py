"""One published generation in Milvus: its rows and its notes, read and written.

A generation is a Milvus collection NAME_g<number>, and one of notes beside it. Changes to its rows
are told in the notes after they were made, so that whoever has heard of one finds it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from index.milvus.client import Client, as_half
from index.milvus.forms import IndexKind, Row
from index.milvus.notes import Notes, most_of
from index.milvus.records import SAID, Entity, Record, columns_of, packed, record_of, vectors
from models.space import Space

NUMBERED = re.compile(r"(?P<name>.+)_g(?P<number>[0-9]+)(_notes)?")


def generation_name(alias: str, number: int) -> str:
    return f"{alias}_g{number}"


def number_of(name: str, alias: str) -> int | None:
    """None for the name of anything else."""
    found = NUMBERED.fullmatch(name)
    return int(found["number"]) if found and found["name"] == alias else None


@dataclass(frozen=True)
class Generation:
    client: Client
    name: str
    spaces: tuple[Space, ...]

    @property
    def notes(self) -> Notes:
        return Notes(self.client, self.name)

    def create(self, index: IndexKind, shards: int) -> None:
        self.client.create(self.name, columns_of(self.spaces), index, shards)
        self.notes.create()

    def insert(self, entities: Iterable[Entity]) -> dict[str, int]:
        """Of ids that are not there; gives the most values of each field."""
        return self._send(entities, is_new=True)

    def write(self, entities: Iterable[Entity]) -> dict[str, int]:
        """In place of those of the same ids."""
        return self._send(entities, is_new=False)

    def _send(self, entities: Iterable[Entity], *, is_new: bool) -> dict[str, int]:
        rows = [packed(entity) for entity in entities]
        self.notes.write_parts({each.row["id"]: each.parts for each in rows if each.parts})
        send = self.client.insert if is_new else self.client.write
        send(self.name, [each.row for each in rows])
        widest: dict[str, int] = {}
        for each in rows:
            widest = most_of(widest, each.widest)
        return widest

    def remove(self, ids: Sequence[str]) -> None:
        self.client.remove(self.name, ids)

    def count(self, where: str = "") -> int:
        return self.client.count(self.name, where)

    def records(self, ids: Sequence[str]) -> dict[str, Record]:
        """In their order; unknown ids are left out."""
        rows = list(self.client.rows_of(self.name, list(dict.fromkeys(ids)), SAID))
        found = self._records(rows)
        return {id_: found[id_] for id_ in ids if id_ in found}

    def entities(self, ids: Sequence[str]) -> dict[str, Entity]:
        """With their vectors."""
        columns = [*SAID, *vectors(self.spaces)]
        rows = list(self.client.rows_of(self.name, list(dict.fromkeys(ids)), columns))
        return self._entities(rows)

    def every_record(self, where: str = "") -> Iterator[list[Record]]:
        for rows in self.client.every(self.name, where, SAID):
            yield list(self._records(rows).values())

    def every_entity(self, where: str = "") -> Iterator[list[Entity]]:
        for rows in self.client.every(self.name, where, [*SAID, *vectors(self.spaces)]):
            yield list(self._entities(rows).values())

    def where(self, where: str, most: int) -> list[Record]:
        """At most so many of those that satisfy it."""
        return list(self._records(self.client.rows(self.name, where, SAID, most)).values())

    def _entities(self, rows: Sequence[Row]) -> dict[str, Entity]:
        records = self._records(rows)
        return {
            row["id"]: Entity(
                records[row["id"]], tuple(as_half(row[name]) for name in vectors(self.spaces))
            )
            for row in rows
        }

    def _records(self, rows: Sequence[Row]) -> dict[str, Record]:
        narrow = {row["id"]: int(row["parts"]) for row in rows if row["parts"]}
        parts = self.notes.parts(narrow) if narrow else {}
        return {row["id"]: record_of(row, parts) for row in rows}
