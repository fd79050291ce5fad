"""Join what is near: all pairs of unit vectors whose cosine is at least a threshold, exactly.

join_near(vectors, sets, above=, threads=, progress=) joins the positions of every such pair. The
cosine is a sum of float64 products, row by row, so that it does not depend on which others are
there; everything cheaper only rules pairs out or, where its rounding leaves no doubt, in. No pair
is kept, and pairs that are one already are not looked at again, so that memory does not grow with
their number.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from index.alike.disjoint_sets import DisjointSets, Members
from index.alike.outlines import AT_ONCE, ROOM, Leaf, Vectors, leaves

FEW = 4096  # pairs of two leaves that are sooner compared one by one than by a product

Marks = NDArray[np.bool_]  # (m, n)


def join_near(
    vectors: Vectors,
    sets: DisjointSets,
    *,
    above: float,
    threads: int,
    progress: Callable[[int], None],
) -> None:
    """What is one already is compared by its root alone, which it must be equal to. `progress` is
    told how many have been compared with all."""
    everything = np.arange(len(sets), dtype=np.int64)
    positions = everything[sets.roots(everything) == everything]
    if not len(positions):
        return
    join = NearJoin(vectors, sets, above, leaves(vectors, positions))
    pool, done = ThreadPoolExecutor(threads), 0
    try:
        for compared in pool.map(join.compare, range(len(join.leaves))):
            done += compared
            progress(done)
    finally:
        pool.shutdown(cancel_futures=True)


class NearJoin:
    def __init__(
        self, vectors: Vectors, sets: DisjointSets, above: float, parts: list[Leaf]
    ) -> None:
        self.leaves = parts
        self._vectors = vectors
        self._sets = sets
        self._above = above
        self._distance_squared = 2 - 2 * above  # of two units with that cosine
        self._middles = np.stack([leaf.middle for leaf in parts])
        self._reaches = np.stack([leaf.reach for leaf in parts])

    def compare(self, number: int) -> int:
        """One leaf with itself and all later ones; how many vectors it has."""
        leaf = self.leaves[number]
        for other in self._within_reach(number):
            self._compare(leaf, other)
        return len(leaf.positions)

    def _within_reach(self, number: int) -> Iterator[Leaf]:
        gaps = np.abs(self._middles[number:] - self._middles[number])
        gaps = np.maximum(gaps - self._reaches[number:] - self._reaches[number], 0)
        close = np.einsum("lc,lc->l", gaps, gaps) <= self._distance_squared + ROOM
        return (self.leaves[number + later] for later in np.flatnonzero(close))

    def _compare(self, leaf: Leaf, other: Leaf) -> None:
        mine = leaf.near(other, self._distance_squared)
        theirs = other.near(mine, self._distance_squared)
        if not len(theirs.positions) or self._are_one(mine.positions, theirs.positions):
            return
        marked = mine.outlines @ theirs.outlines.T >= np.float32(self._above - ROOM)
        if np.count_nonzero(marked) > FEW:
            marked = self._join_sure(mine.positions, theirs.positions)
        # many times as fast as np.nonzero
        rows, columns = np.divmod(np.flatnonzero(marked), marked.shape[1])
        self._join_near(mine.positions[rows], theirs.positions[columns])

    def _are_one(self, mine: Members, theirs: Members) -> bool:
        root = self._sets.roots(mine[:1])
        return all(bool(np.all(self._sets.roots(each) == root)) for each in (mine, theirs))

    def _join_near(self, first: Members, second: Members) -> None:
        """Those of the pairs that are."""
        for at in range(0, len(first), AT_ONCE):
            mine, theirs = first[at : at + AT_ONCE], second[at : at + AT_ONCE]
            apart = self._sets.roots(mine) != self._sets.roots(theirs)
            mine, theirs = mine[apart], theirs[apart]
            cosines = np.sum(self._vectors.units(mine) * self._vectors.units(theirs), axis=-1)
            near = cosines >= self._above
            self._sets.join(mine[near], theirs[near])

    def _join_sure(self, mine: Members, theirs: Members) -> Marks:
        """Join the pairs whose float32 product leaves no doubt; (m, n): the doubtful ones."""
        units, others = (self._vectors.units(each).astype(np.float32) for each in (mine, theirs))
        over = units @ others.T
        over -= np.float32(self._above)
        rounding = np.float32(_rounding(units.shape[1]))
        self._join_marked(mine, theirs, over > rounding)
        doubtful: Marks = np.abs(over) <= rounding
        doubtful &= self._apart(mine, theirs)
        return doubtful

    def _join_marked(self, mine: Members, theirs: Members, marked: Marks) -> None:
        """One pair of each row and column at a time: most others then say nothing new."""
        while marked.any():
            rows, columns = (np.flatnonzero(marked.any(axis=axis)) for axis in (1, 0))
            self._sets.join(mine[rows], theirs[marked[rows].argmax(axis=1)])
            self._sets.join(mine[marked[:, columns].argmax(axis=0)], theirs[columns])
            marked &= self._apart(mine, theirs)

    def _apart(self, mine: Members, theirs: Members) -> Marks:
        """(m, n): the pairs that are not one already."""
        apart: Marks = self._sets.roots(mine)[:, None] != self._sets.roots(theirs)
        return apart


def _rounding(dimension: int) -> float:
    """How far a float32 inner product of two rounded units, summed in any order, can be off; and
    the threshold, rounded too."""
    return 1.01 * (dimension + 8) * 2.0**-24
