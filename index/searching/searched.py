"""What a search needs to see of a collection, wherever its vectors are.

A row is a number that a gallery gives an item, the same in every space, and means nothing outside
one snapshot. Two kinds of gallery implement this: of a folder's files (index/gallery.py), and of a
Milvus collection (index/milvus/gallery.py).
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.faiss import Nearest
from index.filtering.filters import Filter
from index.segments import Units
from index.vectors.neighbours import Mask, Rows
from models.query import Likeness
from models.space import Space
from models.vectors import Embeddings, Vector

Narrowing = Any  # what keeps `nearest` to a selection's rows: of the selection's and gallery's kind

T = TypeVar("T")


class Selection(Protocol):
    """Which rows a filter lets be hits."""

    @property
    def is_few(self) -> bool:
        """Whether they are sooner scored one by one than looked for among their neighbours."""
        ...

    @property
    def rows(self) -> Rows:
        """(m,), rising."""
        ...

    @property
    def narrowing(self) -> Narrowing: ...

    def __len__(self) -> int: ...

    def among(self, rows: Rows) -> Mask:
        """(k,) -> (k,): which of them may be hits."""
        ...


class Searched(Protocol):
    """A gallery; what each member gives, index/gallery.py says."""

    @property
    def rows(self) -> Rows:
        """Those that live, rising; where they are too many to name, a sample of them."""
        ...

    @property
    def count(self) -> int: ...
    @property
    def exact(self) -> bool: ...
    def position(self, space: Space) -> int: ...
    def nearest(
        self,
        space: Space,
        vectors: Embeddings,
        k: int,
        *,
        among: Narrowing | None = None,
        likeness: Likeness = "text",
    ) -> list[Nearest]: ...
    def row(self, item: str) -> int | None: ...
    def living(self, rows: Rows) -> Rows: ...
    def ids(self, rows: Rows) -> list[str]: ...
    def id_keys(self, rows: Rows) -> NDArray[np.uint64]: ...
    def units(self, rows: Rows, space: Space) -> Units: ...
    def embedding(self, row: int, space: Space) -> Vector: ...
    def chunks(self, spaces: Iterable[Space]) -> Iterator[tuple[Rows, dict[Space, Units]]]: ...
    def once_a_while(self, key: Hashable, make: Callable[[], T]) -> T: ...


class Seen(Protocol):
    """A snapshot, as far as a search looks at it."""

    @property
    def generation(self) -> int: ...
    @property
    def gallery(self) -> Searched: ...
    def matching(self, filter: Filter) -> Selection: ...  # noqa: A002
