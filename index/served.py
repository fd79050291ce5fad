"""What a service, or a command, needs of a collection, wherever it is kept.

open_collection(place, roots) -> Collection. A collection is a folder (index/collection.py), or in
Milvus (index/milvus/collection.py); what its members give is said there and in index/snapshot.py.
"""

from collections.abc import Collection as Ids
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from index.changes.adding import Added, Addition, Deletion
from index.collection import Collection as FolderCollection
from index.filtering.facets import Counting, Facets
from index.filtering.filters import Filter
from index.filtering.listing import Browsing, Listing
from index.items import Failure, Item
from index.milvus.address import is_address, parse_address
from index.milvus.collection import MilvusCollection
from index.opened import Original
from index.originals import Giving
from index.overview.asking import Looking, Overview
from index.searching.hybrid import Worded
from index.snapshot import CollectionStatistics
from models.space import Space
from models.vectors import Vector

Place = Path | str


class Snapshot(Worded, Protocol):
    """One state of a collection, for one thread."""

    @property
    def spaces(self) -> tuple[Space, ...]: ...
    @property
    def count(self) -> int: ...
    @property
    def model(self) -> str: ...
    @property
    def state(self) -> str: ...
    def items(self, ids: Ids[str]) -> dict[str, Item]: ...
    def item(self, id: str) -> Item: ...  # noqa: A002
    def embeddings(self, id: str) -> dict[Space, Vector]: ...  # noqa: A002
    def listed(self, browsing: Browsing) -> Listing: ...
    def facets(self, counting: Counting) -> Facets: ...
    def overview(self, looking: Looking) -> Overview: ...
    def unknown_fields(self, filter: Filter | None, *fields: str) -> list[str]: ...  # noqa: A002
    def thumbnail(self, id: str) -> bytes: ...  # noqa: A002
    def original(self, id: str) -> bytes: ...  # noqa: A002
    def open_original(self, id: str, giving: Giving) -> Original: ...  # noqa: A002
    def statistics(self) -> CollectionStatistics: ...
    def failures(self) -> Iterator[Failure]: ...
    def gone(self) -> Iterator[Failure]: ...


class Changes(Protocol):
    """Pictures that join and leave while it is searched: index/changes/adding.py says how."""

    def add(self, additions: Sequence[Addition]) -> list[Added]: ...
    def delete(self, ids: Sequence[str]) -> list[Deletion]: ...
    def finish_erasures(self) -> None: ...
    def delta_rows(self) -> int: ...


class Collection(Protocol):
    """Open for reading by many threads."""

    @property
    def files(self) -> Path:
        """The folder where keys are, and what was sent to be added."""
        ...

    def snapshot(self) -> AbstractContextManager[Snapshot]: ...
    def keep_to(self, spaces: tuple[Space, ...]) -> None: ...
    def changes(self, wait_s: float, spaces: tuple[Space, ...] | None) -> Changes: ...
    def kept_key(self, name: str) -> bytes: ...
    def close(self) -> None: ...


def place_of(place: Place) -> Place:
    """As `open_collection` takes it: a path, unless it is an address."""
    return place if isinstance(place, str) and is_address(place) else Path(place)


def open_collection(
    place: Place,
    roots: Mapping[str, Path] | None = None,
    *,
    token: str = "",
    files: Path | None = None,
) -> Collection:
    """`token` and `files` are for a place in Milvus. Raises CollectionError where there is no
    collection, InputError for a root that it does not have."""
    if isinstance(place, str) and is_address(place):
        return MilvusCollection.open(parse_address(place), roots, token=token, files=files)
    return FolderCollection.open(Path(place), roots)
