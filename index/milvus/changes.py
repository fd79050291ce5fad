"""Live changes of a collection in Milvus: what index/changes/adding.py promises, for many replicas.

Replicas share a folder of files, in which one lock lets one of them write at a time; a publish
takes it for the moment in which the alias changes. The order is such that a process which is
killed leaves nothing that misleads: files before rows, rows before it is told that they changed,
and of a deletion first that the item is to stay away.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

import numpy as np

from index.changes.adding import SHORT_ID, Added, Addition, Deletion, clean_path
from index.changes.staged_files import StagedFiles
from index.changes.unwritable import changing
from index.items import UPLOADS, Item, Occurrence
from index.milvus.client import Client
from index.milvus.expressions import literal
from index.milvus.gallery import ID
from index.milvus.generation import Generation
from index.milvus.notes import Change, Notes
from index.milvus.records import Entity, Record
from index.milvus.snapshot import Files
from index.milvus.terms import facts_of, text_of
from models.errors import CollectionError, LockedError, SpaceError
from models.space import Space, named
from models.vectors import unit

LOCK = ".pictor-lock"
ASKED_EVERY_S = 0.02


@contextlib.contextmanager
def write_lock(files: Files, wait_s: float) -> Iterator[None]:
    """Across processes; raises LockedError where others have it for as long as one waits."""
    place = files.live.path / LOCK
    with changing(files.path):
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        give_up = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= give_up:
                    raise LockedError(f"{files.path}: others are writing") from error
                time.sleep(ASKED_EVERY_S)
        yield
    finally:
        os.close(descriptor)


@dataclass
class MilvusChanges:
    client: Client
    files: Files
    wait_s: float
    spaces: tuple[Space, ...] | None = None  # deletes nothing from a collection of others
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock)

    def add(self, additions: Sequence[Addition]) -> list[Added]:
        """In their order."""
        if not additions:
            return []
        spaces = tuple(additions[0].embeddings)
        staged = StagedFiles(self.files.live)
        with self._one_at_a_time, changing(self.files.path), staged:
            staged.write(additions)
            with write_lock(self.files, self.wait_s):
                adding = _Adding(self._current(spaces), additions)
                added = [adding.add(each, n) for n, each in enumerate(additions)]
                staged.adopt()
                adding.write()
        return added

    def delete(self, ids: Sequence[str]) -> list[Deletion]:
        """In their order."""
        with self._one_at_a_time, write_lock(self.files, self.wait_s):
            generation = self._current(self.spaces)
            asked = [id_ for id_ in dict.fromkeys(ids) if ID.fullmatch(id_)]
            known = generation.records(asked)
            before = generation.notes.known("deleted", asked)
            _forget(generation, known)
            self._erase(generation)
        if_not: dict[str, Deletion] = dict.fromkeys(before, "already deleted")
        return ["deleted" if id_ in known else if_not.get(id_, "unknown") for id_ in ids]

    def finish_erasures(self) -> None:
        with self._one_at_a_time, write_lock(self.files, self.wait_s):
            self._erase(self._current(None))

    def delta_rows(self) -> int:
        """Milvus's index takes in what is added: no search is the slower for it."""
        return 0

    def _erase(self, generation: Generation) -> None:
        pending = generation.notes.keys("erasure")
        if not pending:
            return
        there = generation.records(pending)
        with changing(self.files.path):
            for id_ in pending:
                if id_ not in there:
                    self.files.live.upload(id_).unlink(missing_ok=True)
                    self.files.live.thumbnail(id_).unlink(missing_ok=True)
        generation.notes.remove([f"erasure/{id_}" for id_ in pending])

    def _current(self, spaces: tuple[Space, ...] | None) -> Generation:
        """The one that the alias points at, while the lock is held."""
        name = self.client.target(self.client.address.name)
        if name is None:
            raise CollectionError(f"{self.client.address}: nothing was published there")
        held = Notes(self.client, name).header().spaces
        if spaces is not None and held != spaces:
            raise SpaceError(
                f"the collection's vectors are of {named(held)}, these of {named(spaces)}"
            )
        return Generation(self.client, name, held)


def _forget(generation: Generation, known: dict[str, Record]) -> None:
    """These items leave, and it is told."""
    if not known:
        return
    ids = list(known)
    generation.notes.write("deleted", {f"deleted/{id_}": "" for id_ in ids})
    generation.notes.write("erasure", {f"erasure/{id_}": "" for id_ in ids})
    generation.remove(ids)
    occurrences = sum(len(record.item.occurrences) for record in known.values())
    generation.notes.tell(Change(tuple(ids), -occurrences, -len(ids)))


class _Adding:
    """The rows of one call."""

    def __init__(self, generation: Generation, additions: Sequence[Addition]) -> None:
        self._generation = generation
        ids = list(dict.fromkeys(addition.item.id for addition in additions))
        self._known = generation.entities(ids)
        self._before = dict(self._known)
        rows = [
            unit(np.stack([addition.embeddings[space] for addition in additions]))
            for space in generation.spaces
        ]
        self._vectors = rows  # (n, dim) units and (n,) norms, one a space
        self._now = datetime.now(UTC).isoformat(timespec="milliseconds")

    def add(self, addition: Addition, number: int) -> Added:
        id_ = addition.item.id
        is_new = id_ not in self._known
        entity = self._new(addition.item, number) if is_new else self._known[id_]
        item = entity.record.item
        was = next((at for at in item.occurrences if at.source == UPLOADS), None)
        now = self._occurrence(addition, was)
        if is_new or now != was:
            others = [at for at in item.occurrences if at.source != UPLOADS]
            entity = replace(entity, record=entity.record.having([*others, now]))
        self._known[id_] = entity
        return Added(id_, now.path, is_new)

    def _new(self, item: Item, number: int) -> Entity:
        units = tuple(units[number].astype(np.float16) for units, _ in self._vectors)
        norms = tuple(float(norms[number]) for _, norms in self._vectors)
        return Entity(Record(item, self._now, norms, is_live=True), units)

    def _occurrence(self, addition: Addition, was: Occurrence | None) -> Occurrence:
        """Of what is not said, what was said before stays."""
        path, caption, metadata = (was.path, was.caption, was.metadata) if was else (None, None, {})
        if path is None or addition.path is not None:
            path = self._free_path(addition)
        if addition.caption is not None:
            caption = addition.caption
        if addition.metadata is not None:
            metadata = dict(addition.metadata)
        return Occurrence(UPLOADS, path, caption, metadata)

    def _free_path(self, addition: Addition) -> str:
        """The wanted one, or beside another item's of that name one with some of the id."""
        item = addition.item
        wanted = clean_path(addition.path or f"{item.id}.{item.format.lower()}")
        known = self._known.get(item.id)
        if known is not None and _is_at(known.record.item, wanted):
            return wanted  # nobody else is
        named_so = f"array_contains(paths, {literal(text_of(wanted))})"
        held = [record.item for record in self._generation.where(named_so, 100)]
        held += [entity.record.item for entity in self._known.values()]
        if not any(_is_at(each, wanted) for each in held if each.id != item.id):
            return wanted
        place = PurePosixPath(wanted)
        return str(place.with_name(f"{place.stem}-{item.id[:SHORT_ID]}{place.suffix}"))

    def write(self) -> None:
        """Whatever is new or has changed; it is told of what was known, too, since whoever wrote
        it may have been killed before."""
        changed = {id_: e for id_, e in self._known.items() if e != self._before.get(id_)}
        widest = self._generation.write(list(changed.values())) if changed else {}
        ids = list(self._known)
        notes = self._generation.notes
        for kind in ("deleted", "erasure"):
            held = notes.known(kind, ids)
            notes.remove([f"{kind}/{id_}" for id_ in held])
        occurrences = _occurrences(self._known) - _occurrences(self._before)
        added = len(self._known) - len(self._before)
        fields = {name for entity in changed.values() for name in facts_of(entity.record.item)}
        notes.tell(Change(tuple(ids), occurrences, added, tuple(sorted(fields)), widest))


def _occurrences(entities: dict[str, Entity]) -> int:
    return sum(len(entity.record.item.occurrences) for entity in entities.values())


def _is_at(item: Item, path: str) -> bool:
    return any(at.source == UPLOADS and at.path == path for at in item.occurrences)
