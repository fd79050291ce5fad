"""What is said of a generation besides its rows: a Milvus collection of small texts by key.

    header        what the generation is of, as JSON; the first thing that is read
    failures/N    files that could not be taken
    change/ID     ids that were added, changed or deleted, and what that adds to the totals
    deleted/ID    an item that stays away until its bytes are added on purpose; of the kind `away`
                  where the folder's collection knows it already
    erasure/ID    one whose files are still to be removed
    part/ID/N     of a record that its row is too narrow for

Changes are counted, not numbered, so that two replicas that write at the same moment never write
the same one: how many there are names the state of a generation.
"""

import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import reduce
from typing import Any
from uuid import uuid4

import numpy as np

from index.items import Failure
from index.milvus.client import Client
from index.milvus.forms import Column, IndexKind, Row
from models.errors import CollectionError
from models.space import Space
from models.vectors import Vector

FORMAT = 1
NOTES = "_notes"
SKEW_S = 900  # that the clocks of replicas may differ by before all changes are read again
AT_ONCE = 1_000
COLUMNS = (
    Column("id", "key", 128),
    Column("kind", "text", 16),
    Column("at", "whole"),
    Column("value", "text", 65_535),
    Column("nothing", "vector", 2),  # Milvus has no collection without one
)
NOTHING = np.array([1, 0], np.float16)


@dataclass(frozen=True)
class Header:
    generation: int
    spaces: tuple[Space, ...]
    model: str
    created_at: str
    updated_at: str
    roots: dict[str, str]
    files: str  # the folder of the collection that was published
    index: dict[str, Any]  # `name`, and the recall that was measured
    means: list[list[float]]  # one a space
    occurrences: int
    failures: int
    fields: list[str]  # of metadata
    widest: dict[str, int]
    previous: str | None = None  # the generation that it took the place of

    @classmethod
    def parse(cls, text: str) -> "Header":
        content = json.loads(text)
        if content.pop("format") != FORMAT:
            raise CollectionError("published by another version of Pictor: publish it again")
        content["spaces"] = tuple(Space(**space) for space in content["spaces"])
        return cls(**content)

    @property
    def mean_vectors(self) -> list[Vector]:
        """(dim,) a space."""
        return [np.array(mean, np.float32) for mean in self.means]

    @property
    def text(self) -> str:
        return json.dumps(asdict(self) | {"format": FORMAT}, ensure_ascii=False)


@dataclass(frozen=True)
class Change:
    ids: tuple[str, ...]
    occurrences: int = 0  # more than before
    added: int = 0  # items more
    fields: tuple[str, ...] = ()
    widest: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Totals:
    """Of a generation and all changes since."""

    changes: int
    occurrences: int
    fields: frozenset[str]
    widest: dict[str, int]


class Notes:
    def __init__(self, client: Client, generation: str) -> None:
        self._client = client
        self._name = generation + NOTES

    def create(self) -> None:
        self._client.create(self._name, COLUMNS, IndexKind(), shards=1)

    def header(self) -> Header:
        found = self._client.rows(self._name, 'kind == "header"', ["value"])
        if not found:
            raise CollectionError(f"{self._client.address}: was not published whole")
        return Header.parse(found[0]["value"])

    def write(self, kind: str, values: dict[str, str]) -> None:
        """By key, in place of what was there."""
        at = round(1000 * time.time())
        rows: list[Row] = [
            {"id": key, "kind": kind, "at": at, "value": value, "nothing": NOTHING}
            for key, value in values.items()
        ]
        for first in range(0, len(rows), AT_ONCE):
            self._client.write(self._name, rows[first : first + AT_ONCE])

    def remove(self, keys: Sequence[str]) -> None:
        for first in range(0, len(keys), AT_ONCE):
            self._client.remove(self._name, keys[first : first + AT_ONCE])

    def keys(self, kind: str) -> list[str]:
        """What follows the kind in its keys."""
        parts = self._client.every(self._name, f'kind == "{kind}"', ["id"])
        return [row["id"].partition("/")[2] for part in parts for row in part]

    def away(self) -> list[str]:
        """The items that stay away, whether or not the folder knows of it."""
        return [*self.keys("deleted"), *self.keys("away")]

    def known(self, kind: str, ids: Sequence[str]) -> set[str]:
        """Those of these items that there is a note of."""
        keys = [f"{kind}/{id_}" for id_ in ids]
        found = self._client.rows_of(self._name, keys, ["id"])
        return {row["id"].partition("/")[2] for row in found}

    def count(self, kind: str) -> int:
        return self._client.count(self._name, f'kind == "{kind}"')

    def parts(self, ids: dict[str, int]) -> dict[str, str]:
        """The records of these items, each of so many parts."""
        keys = [f"part/{id_}/{n}" for id_, count in ids.items() for n in range(count)]
        found = {r["id"]: r["value"] for r in self._client.rows_of(self._name, keys, ["value"])}
        return {
            id_: "".join(found[f"part/{id_}/{n}"] for n in range(count))
            for id_, count in ids.items()
        }

    def write_parts(self, parts: dict[str, tuple[str, ...]]) -> None:
        named = {f"part/{id_}/{n}": t for id_, each in parts.items() for n, t in enumerate(each)}
        if named:
            self.write("part", named)

    def write_failures(self, failures: Iterable[Failure]) -> None:
        told = {
            f"failures/{n}": json.dumps([each.source, each.path, each.reason[:5_000]])
            for n, each in enumerate(failures)
        }
        if told:
            self.write("failures", told)

    def failures(self) -> list[Failure]:
        parts = self._client.every(self._name, 'kind == "failures"', ["value"])
        told = [Failure(*json.loads(row["value"])) for part in parts for row in part]
        return sorted(told, key=lambda each: (each.source, each.path, each.reason))

    def tell(self, change: Change) -> None:
        self.write("change", {f"change/{uuid4().hex}": json.dumps(asdict(change))})

    def changes(self, since_ms: int = 0) -> list[tuple[str, int, Change]]:
        """(key, when, what) of those that were told then or later."""
        where = f'kind == "change" and at >= {since_ms}'
        found = [
            row
            for part in self._client.every(self._name, where, ["id", "at", "value"])
            for row in part
        ]
        return [(row["id"], int(row["at"]), _change(row["value"])) for row in found]


def most_of(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """The larger of each."""
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {*one, *other}}


def _change(text: str) -> Change:
    content = json.loads(text)
    ids, fields = tuple(content.pop("ids")), tuple(content.pop("fields"))
    return Change(ids=ids, fields=fields, **content)


class Journal:
    """The changes of one generation, as far as this process has read them; for many threads."""

    def __init__(self, notes: Notes, header: Header) -> None:
        self._notes = notes
        self._header = header
        self._reading = threading.Lock()
        self._seen: dict[str, Change] = {}
        self._latest_ms = 0
        self._totals = Totals(0, header.occurrences, frozenset(header.fields), header.widest)

    def read(self) -> Totals:
        """Of all changes up to now."""
        count = self._notes.count("change")
        with self._reading:
            if count > len(self._seen):
                self._add(self._notes.changes(max(0, self._latest_ms - 1000 * SKEW_S)))
            if count > len(self._seen):
                self._add(self._notes.changes())
            return self._totals

    def since(self, position: int) -> list[str]:
        """The ids of the changes after the first so many that were read."""
        with self._reading:
            changes = list(self._seen.values())[position:]
        return list(dict.fromkeys(id_ for change in changes for id_ in change.ids))

    def _add(self, found: Iterable[tuple[str, int, Change]]) -> None:
        new = {key: change for key, _, change in found if key not in self._seen}
        self._latest_ms = max([self._latest_ms, *(at for _, at, _ in found)])
        self._seen |= new
        totals = self._totals
        widest = reduce(most_of, (change.widest for change in new.values()), totals.widest)
        self._totals = Totals(
            len(self._seen),
            totals.occurrences + sum(change.occurrences for change in new.values()),
            totals.fields.union(*(change.fields for change in new.values())),
            widest,
        )
