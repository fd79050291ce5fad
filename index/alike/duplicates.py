"""Groups of near-duplicates: pictures that a chain of near ones connects.

duplicates(snapshot, above=0.95, threads=) -> the connected components, of two or more, of the graph
in which two pictures are joined whose stored vectors have a cosine of at least `above`, in the
space in which pictures are compared. Exact; a vector that several pictures share counts once, so
that memory grows with the pictures and not with their pairs.

Larger groups come first, then by their smallest id. A group's first picture is its largest, which
one may want to keep; `similarity` is the cosine to it. Raises InputError for a threshold outside
(0, 1], CollectionError for a stored vector that is not of unit length.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from index.alike.disjoint_sets import DisjointSets, Members
from index.alike.near import join_near
from index.alike.outlines import Units
from index.gallery import CHUNK_ROWS, Gallery, Rows
from index.snapshot import Snapshot
from models.errors import CollectionError, InputError
from models.space import Space

NEAR = 0.95
UNIT_TOLERANCE = 1e-2  # float16's rounding is far within
SEED = 0


@dataclass(frozen=True, slots=True)
class Picture:
    id: str
    bytes: int
    width: int
    height: int
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    pictures: tuple[Picture, ...]
    similarities: tuple[float, ...]  # of each to the first


def duplicates(
    snapshot: Snapshot,
    *,
    above: float = NEAR,
    threads: int = 1,
    progress: Callable[[int], None] = lambda compared: None,
) -> Iterator[Group]:
    """The search is done when this returns; groups are looked up as they are asked for."""
    if not 0 < above <= 1:
        raise InputError(f"above is {above}, expected a cosine over 0 and at most 1")
    vectors = StoredVectors(snapshot.gallery, snapshot.spaces[-1])
    groups = near_groups(vectors, above=above, threads=threads, progress=progress)
    return _looked_up(snapshot, vectors, groups)


class StoredVectors:
    """A gallery's vectors by position: the rows that are there, in the order of their ids."""

    def __init__(self, gallery: Gallery, space: Space) -> None:
        self.gallery = gallery
        self.space = space
        chunks = [rows for rows, _ in gallery.chunks(())]
        rows = np.concatenate([np.empty(0, np.int64), *chunks])
        ids = gallery.id_keys(rows)
        self.rows: Rows = rows[np.lexsort((ids[:, 1], ids[:, 0]))]

    def ids(self, positions: Members) -> list[str]:
        return self.gallery.ids(self.rows[positions])

    def stored(self, positions: Members) -> NDArray[np.float16]:
        """(m,) -> (m, dim)"""
        return self.gallery.units(self.rows[positions], self.space)

    def bits(self, positions: Members) -> NDArray[np.uint16]:
        """(m,) -> (m, dim), as they are stored."""
        return np.ascontiguousarray(self.stored(positions)).view(np.uint16)

    def units(self, positions: Members) -> Units:
        units = self.stored(positions).astype(np.float64)
        lengths = np.sqrt(np.sum(units * units, axis=-1))
        sound = np.abs(lengths - 1) <= UNIT_TOLERANCE
        if not sound.all():
            at = int(np.argmin(sound))
            (id_,) = self.ids(positions[at : at + 1])
            raise CollectionError(
                f"item {id_}: vector of length {lengths[at]:.4f}, expected 1: "
                "`pictor inspect --verify` finds what is damaged"
            )
        scaled: Units = units / lengths[:, None]
        return scaled


def near_groups(
    vectors: StoredVectors, *, above: float, threads: int, progress: Callable[[int], None]
) -> list[Members]:
    """The positions of each group, rising."""
    sets = DisjointSets(len(vectors.rows))
    _join_equal(vectors, sets)
    join_near(vectors, sets, above=above, threads=threads, progress=progress)
    return _groups(sets)


def _join_equal(vectors: StoredVectors, sets: DisjointSets) -> None:
    """Join vectors of equal bits: those of one hash that are equal to the first which has it."""
    digests = np.empty(len(sets), dtype=np.uint64)
    weights = np.random.default_rng(SEED).integers(
        0, 2**64, vectors.space.dimension, dtype=np.uint64
    )
    for positions in _parts(np.arange(len(sets), dtype=np.int64)):
        # modulo 2**64
        digests[positions] = vectors.bits(positions).astype(np.uint64) @ weights
    order = np.argsort(digests, kind="stable")
    starts = np.flatnonzero(np.diff(digests[order], prepend=~digests[order[:1]]))
    counts = np.diff(starts, append=len(order))
    first = np.repeat(order[starts], counts)
    again = order != first
    for part, its_first in zip(_parts(order[again]), _parts(first[again]), strict=True):
        equal = (vectors.bits(part) == vectors.bits(its_first)).all(axis=1)
        sets.join(part[equal], its_first[equal])


def _parts(positions: Members) -> Iterator[Members]:
    for first in range(0, len(positions), CHUNK_ROWS):
        yield positions[first : first + CHUNK_ROWS]


def _groups(sets: DisjointSets) -> list[Members]:
    """Larger first; positions are in the order of ids, and a root is the smallest."""
    roots = sets.roots(np.arange(len(sets), dtype=np.int64))
    order = np.argsort(roots, kind="stable")
    starts = np.flatnonzero(np.diff(roots[order], prepend=-1))
    counts = np.diff(starts, append=len(order))
    several = counts > 1
    ranges = zip(starts[several], counts[several], strict=True)
    return sorted((order[at : at + count] for at, count in ranges), key=len, reverse=True)


def _looked_up(
    snapshot: Snapshot, vectors: StoredVectors, groups: Sequence[Members]
) -> Iterator[Group]:
    """Small groups are looked up together, large ones in parts."""
    waiting, count = list[Members](), 0
    for number, group in enumerate(groups, start=1):
        waiting.append(group)
        count += len(group)
        if count >= CHUNK_ROWS or number == len(groups):
            pictures = _pictures(snapshot, vectors, np.concatenate(waiting))
            for each in waiting:
                yield _ordered(vectors, each, list(islice(pictures, len(each))))
            waiting, count = [], 0


def _pictures(snapshot: Snapshot, vectors: StoredVectors, positions: Members) -> Iterator[Picture]:
    for part in _parts(positions):
        ids = vectors.ids(part)
        items = snapshot.items(ids)
        for id_ in ids:
            if id_ not in items:
                raise CollectionError(f"item {id_}: has a vector, but is not in the catalogue")
            item = items[id_]
            yield Picture(id_, item.bytes, item.width, item.height, item.paths)


def _ordered(vectors: StoredVectors, positions: Members, pictures: Sequence[Picture]) -> Group:
    order = sorted(range(len(pictures)), key=lambda at: _size(pictures[at]))
    sorted_positions = positions[order]
    (first,) = vectors.units(sorted_positions[:1])
    cosines = [np.sum(vectors.units(part) * first, axis=-1) for part in _parts(sorted_positions)]
    similarities = np.minimum(np.concatenate(cosines), 1)
    return Group(tuple(pictures[at] for at in order), tuple(similarities.tolist()))


def _size(picture: Picture) -> tuple[int, int, tuple[str, ...], str]:
    """Falling; equal ones by their paths."""
    pixels = picture.width * picture.height
    return (-pixels, -picture.bytes, picture.paths, picture.id)
