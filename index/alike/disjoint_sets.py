"""Which of many things are one, when what is known comes as pairs.

Things are numbered from 0; the root of a set is its smallest member. No pair is kept. Threads may
join and ask at once: a root that is asked for meanwhile may be an earlier one, so that two equal
roots are always of one set, and two that differ may have become one since.
"""

import threading

import numpy as np
from numpy.typing import NDArray

Members = NDArray[np.int64]  # (m,)


class DisjointSets:
    def __init__(self, count: int) -> None:
        self._parents: Members = np.arange(count, dtype=np.int64)
        self._joining = threading.Lock()

    def __len__(self) -> int:
        return len(self._parents)

    def roots(self, members: Members) -> Members:
        """(m,) -> (m,)"""
        roots: Members = self._parents[members]
        while not np.array_equal(above := self._parents[roots], roots):
            roots = above
        return roots

    def join(self, first: Members, second: Members) -> None:
        """first[i] and second[i] are one."""
        with self._joining:
            while len(first):
                roots, others = self.roots(first), self.roots(second)
                # so that the way is short the next time
                self._parents[first], self._parents[second] = roots, others
                apart = roots != others
                first, second = roots[apart], others[apart]
                np.minimum.at(self._parents, np.maximum(first, second), np.minimum(first, second))
