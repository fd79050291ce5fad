"""From a folder's collection to a new generation in Milvus, and the alias's switch to it.

publish(folder, address) -> Published. Whoever searches meanwhile is answered from the generation
before, until the alias is switched, in one call, to a new one that is whole. What was added and
deleted in Milvus since the last time is first brought into the folder, and what is while this one
is written, into the new generation, under the lock that writers take: none of it is lost. The
generation before stays until the next publish, for those who are reading it; what a killed publish
has left is removed by the next one.

Raises CollectionError while another publish of this folder runs, and where pictures that were added
in Milvus have vectors of another model than the folder's.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from index.changes.adding import WAIT_S
from index.collection import Collection
from index.filtering.listing import Browsing
from index.folder import writing
from index.milvus.address import Address
from index.milvus.bringing import bring, tidy
from index.milvus.changes import write_lock
from index.milvus.client import Client
from index.milvus.forms import FLAT, HNSW, IndexKind
from index.milvus.generation import Generation, generation_name, number_of
from index.milvus.measuring import recalls
from index.milvus.notes import NOTES, Change, Header, Journal, Notes, most_of
from index.milvus.records import Entity, Record
from index.milvus.snapshot import Files
from index.milvus.terms import facts_of
from index.searching.view import View
from index.snapshot import Snapshot
from models.errors import CollectionError

TOGETHER = 500  # rows that are sent at once
EXACT_ROWS = 50_000  # that are searched without an index soon enough
LOCK = ".pictor-publishing"

Progress = Callable[[int], None]  # how many items so far


@dataclass(frozen=True)
class Publishing:
    """How: the kind of index unless it is chosen by size, and over how many shards."""

    index: IndexKind | None = None
    shards: int = 1


@dataclass(frozen=True)
class Published:
    generation: int
    items: int
    brought: int  # from Milvus into the folder
    carried: int  # changes that were made while it was written
    index: str


@dataclass(frozen=True)
class Previous:
    generation: Generation
    header: Header
    journal: Journal
    position: int  # changes that are in the folder already


def publish(
    folder: Path,
    address: Address,
    *,
    token: str = "",
    how: Publishing = Publishing(),
    progress: Progress = lambda _: None,
) -> Published:
    files = Files(folder.absolute())
    with contextlib.closing(Client(address, token)) as client, _alone(files):
        previous = _previous(client, address.name)
        _remove_leftovers(client, address.name, previous)
        if previous:
            with write_lock(files, WAIT_S):
                tidy(previous.generation, files)
        with contextlib.closing(Collection.open(folder)) as collection:
            brought = bring(previous.generation, files, collection) if previous else 0
            with collection.snapshot() as snapshot:
                new, header = _write(client, snapshot, files, previous, how, progress)
        carried = 0
        with write_lock(files, WAIT_S):
            if previous:
                carried = _carry(previous, new)
            client.point(address.name, new.name)
        if previous and previous.header.previous:
            _drop(client, previous.header.previous)
        count = new.count()
    return Published(header.generation, count, brought, carried, str(header.index["name"]))


@contextlib.contextmanager
def _alone(files: Files) -> Iterator[None]:
    place = files.live.path / LOCK
    with writing(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise CollectionError(f"{files.path}: is being published already") from error
    finally:
        os.close(descriptor)


def _previous(client: Client, alias: str) -> Previous | None:
    name = client.target(alias)
    if name is None:
        return None
    if name == alias:
        raise CollectionError(f"{client.address}: is a collection of another making")
    notes = Notes(client, name)
    header = notes.header()
    journal = Journal(notes, header)
    return Previous(
        Generation(client, name, header.spaces), header, journal, journal.read().changes
    )


def _remove_leftovers(client: Client, alias: str, previous: Previous | None) -> None:
    kept = {previous.generation.name, previous.header.previous} if previous else set()
    names = {name.removesuffix(NOTES) for name in client.names()}
    for name in names - kept:
        if number_of(name, alias) is not None:
            _drop(client, name)


def _drop(client: Client, name: str) -> None:
    there = set(client.names())
    for each in (name, name + NOTES):
        if each in there:
            client.drop(each)


def _write(  # noqa: PLR0913, PLR0917
    client: Client,
    snapshot: Snapshot,
    files: Files,
    previous: Previous | None,
    how: Publishing,
    progress: Progress,
) -> tuple[Generation, Header]:
    number = previous.header.generation + 1 if previous else 1
    new = Generation(client, generation_name(client.address.name, number), snapshot.spaces)
    index = how.index or index_for(snapshot.count)
    new.create(index, how.shards)
    widest: dict[str, int] = {}
    fields: set[str] = set()
    done = 0
    for entities in _entities(snapshot):
        widest = most_of(widest, new.insert(entities))
        fields.update(name for each in entities for name in facts_of(each.record.item))
        done += len(entities)
        progress(done)
    client.flush(new.name)
    if previous:
        away = previous.generation.notes.away()
        new.notes.write("away", {f"deleted/{id_}": "" for id_ in away})
    new.notes.write_failures(snapshot.failures())
    told = _Told(index, widest, sorted(fields), previous.generation.name if previous else None)
    header = _header(snapshot, files, new, number, told)
    new.notes.write("header", {"header": header.text})
    return new, header


@dataclass(frozen=True)
class _Told:
    index: IndexKind
    widest: dict[str, int]
    fields: list[str]
    previous: str | None


def _header(snapshot: Snapshot, files: Files, new: Generation, number: int, told: _Told) -> Header:
    statistics = snapshot.statistics()
    view = View(snapshot.gallery, np.empty(0, np.int64))
    return Header(
        generation=number,
        spaces=snapshot.spaces,
        model=snapshot.model,
        created_at=statistics.created_at,
        updated_at=datetime.now(UTC).isoformat(),
        roots={root.name: str(root.path) for root in statistics.sources},
        files=str(files.path),
        index={"name": told.index.name, "recalls": recalls(snapshot, new, told.index.name)},
        means=[view.mean(space).tolist() for space in new.spaces],
        occurrences=statistics.occurrences,
        failures=statistics.failures,
        fields=told.fields,
        widest=told.widest,
        previous=told.previous,
    )


def index_for(rows: int) -> IndexKind:
    return FLAT if rows <= EXACT_ROWS else HNSW


def _entities(snapshot: Snapshot) -> Iterator[list[Entity]]:
    """Every item of a folder's collection, in the order in which they were added."""
    cursor = None
    while True:
        page = snapshot.listed(Browsing("added_at", False, TOGETHER, cursor))
        if page.ids:
            yield _of_folder(snapshot, page.ids, page.added_at)
        cursor = page.next_cursor
        if cursor is None:
            return


def _of_folder(snapshot: Snapshot, ids: Sequence[str], added_at: dict[str, str]) -> list[Entity]:
    gallery, items = snapshot.gallery, snapshot.items(ids)
    rows = gallery.rows_of(list(items))
    units = [gallery.units(rows, space) for space in snapshot.spaces]
    norms = [gallery.norms(rows, space) for space in snapshot.spaces]
    return [
        Entity(
            Record(item, added_at[id_], tuple(float(each[n]) for each in norms)),
            tuple(each[n] for each in units),
        )
        for n, (id_, item) in enumerate(items.items())
    ]


def _carry(previous: Previous, new: Generation) -> int:
    """Changes that were made while the generation was written; nobody makes any now."""
    previous.journal.read()
    ids = previous.journal.since(previous.position)
    entities = previous.generation.entities(ids)
    gone = [id_ for id_ in ids if id_ not in entities]
    before = new.records(ids)
    widest = new.write(list(entities.values())) if entities else {}
    new.remove(gone)
    new.notes.write("deleted", {f"deleted/{id_}": "" for id_ in gone})
    new.notes.remove([f"deleted/{id_}" for id_ in entities])
    if ids:
        after = [len(entity.record.item.occurrences) for entity in entities.values()]
        was = [len(record.item.occurrences) for record in before.values()]
        fields = {name for e in entities.values() for name in facts_of(e.record.item)}
        change = Change(tuple(ids), sum(after) - sum(was), len(after) - len(was))
        new.notes.tell(replace(change, fields=tuple(sorted(fields)), widest=widest))
    return len(ids)
