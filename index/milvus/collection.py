"""A collection in Milvus, open for reading by many threads of many processes.

The address's name is an alias: each snapshot is of the generation that it points at just then, with
every change that was told by then, whichever process made it. What a snapshot does not need to ask
twice (a generation's header, its copy of facts) is kept, of the last two generations.

A collection that is kept to spaces goes on giving the last generation that was of them once another
model's was published, which Milvus keeps until the next one is.
"""

import contextlib
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from index.changes.adding import WAIT_S
from index.kept_key import KEY_BYTES
from index.milvus.address import Address
from index.milvus.changes import MilvusChanges
from index.milvus.client import Client
from index.milvus.gallery import Described
from index.milvus.generation import Generation
from index.milvus.mirror import Mirror
from index.milvus.notes import Header, Journal, Notes
from index.milvus.plot import Plot
from index.milvus.snapshot import Files, MilvusSnapshot, State
from models.errors import CollectionError, InputError
from models.space import Space, named

KEPT = 2  # generations
OWNER_ONLY = 0o600


class MilvusCollection:
    def __init__(self, client: Client, roots: Mapping[str, Path], files: Path | None) -> None:
        self._client = client
        self._roots = dict(roots)
        self._given_files = files
        self._states: dict[str, tuple[State, Journal]] = {}
        self._loading = threading.Lock()
        self._spaces: tuple[Space, ...] | None = None
        self._last: str | None = None  # the generation that was of these spaces

    @classmethod
    def open(
        cls,
        address: Address,
        roots: Mapping[str, Path] | None = None,
        *,
        token: str = "",
        files: Path | None = None,
    ) -> "MilvusCollection":
        """`files` is where the published collection's folder lies for this process."""
        collection = cls(Client(address, token), roots or {}, files)
        known = collection._state()[0].header.roots
        unknown = set(roots or {}) - set(known)
        if unknown:
            collection.close()
            raise InputError(
                f"{address}: has no source {sorted(unknown)[0]!r}; its sources: {', '.join(known)}"
            )
        return collection

    @property
    def files(self) -> Path:
        if self._given_files is not None:
            return self._given_files.absolute()
        return Path(self._state()[0].header.files)

    def keep_to(self, spaces: tuple[Space, ...]) -> None:
        self._spaces = spaces
        with self.snapshot():
            pass

    def changes(
        self, wait_s: float = WAIT_S, spaces: tuple[Space, ...] | None = None
    ) -> MilvusChanges:
        return MilvusChanges(self._client, Files(self.files), wait_s, spaces)

    def kept_key(self, name: str) -> bytes:
        """Made once, in a file beside the pictures that were sent."""
        folder = Files(self.files).live.path
        place = folder / f"{name}.key"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                _make(place, secrets.token_bytes(KEY_BYTES))
            return place.read_bytes()
        except OSError as error:
            raise CollectionError(f"{place}: {error.strerror}") from error

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[MilvusSnapshot]:
        state, journal = self._state()
        files = Files(self._given_files or Path(state.header.files))
        yield MilvusSnapshot(state, journal.read(), files, self._roots)

    def close(self) -> None:
        with self._loading:
            for state, _ in self._states.values():
                state.mirror.close()
            self._states = {}
        self._client.close()

    def _state(self) -> tuple[State, Journal]:
        address = self._client.address
        name = self._client.target(address.name)
        if name is None:
            raise CollectionError(f"{address}: nothing was published there")
        with self._loading:
            found = self._states.get(name) or self._load(name)
            if self._spaces is None or found[0].header.spaces == self._spaces:
                self._last = name
                return found
            if self._last not in self._states:
                raise CollectionError(f"{address}: is not of {named(self._spaces)} any more")
            return self._states[self._last]

    def _load(self, name: str) -> tuple[State, Journal]:
        notes = Notes(self._client, name)
        header = notes.header()
        generation = Generation(self._client, name, header.spaces)
        journal = Journal(notes, header)
        mirror, plot = Mirror(generation, journal), Plot(generation, journal)
        state = State(generation, header, described(header), mirror, plot)
        for old in list(self._states)[: 1 - KEPT]:
            if old != self._last:
                self._states.pop(old)[0].mirror.close()
        self._states[name] = state, journal
        return state, journal


def described(header: Header) -> Described:
    """Means of all vectors, as they were when it was published."""
    means = zip(header.spaces, header.mean_vectors, strict=True)
    return Described(header.index["name"], {("mean", space): mean for space, mean in means})


def _make(place: Path, content: bytes) -> None:
    """Whole or not at all: another process may be reading."""
    unfinished = place.with_name(f"{place.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    try:
        os.link(unfinished, place)
    finally:
        unfinished.unlink()
