"""Short outlines of unit vectors, which bound their cosines, and a tree over them.

An outline is a vector's coordinates on the leading principal axes, and the length of the rest. By
Cauchy-Schwarz <x, y> <= <outline of x, outline of y>, at a fraction of the cost. Outlines lie no
further apart than their vectors, so that a vector whose outline is far from a box is near nothing
in it. All of this holds to ROOM, which is for the rounding.

leaves(vectors, positions) -> parts of at most LEAF vectors that lie together, as of a k-d tree.
Source: Bentley, "Multidimensional Binary Search Trees Used for Associative Searching", CACM 1975.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.alike.disjoint_sets import Members

AXES = 63  # and the length of the rest: 64 columns suit the processor's registers
LEAF = 1024
SAMPLE = 16_384  # vectors that axes are chosen by
AT_ONCE = 4096  # vectors in float64
ROOM = 2e-5  # float32 sums of 64 terms; what counts of them is at most 2

Outlines = NDArray[np.float32]  # (m, columns)
Bounds = NDArray[np.float32]  # (columns,)
Units = NDArray[np.float64]  # (m, dim)
Flags = NDArray[np.bool_]  # (m,)


class Vectors(Protocol):
    def units(self, positions: Members) -> Units:
        """(m,) -> (m, dim), each of length 1."""
        ...


@dataclass(frozen=True)
class Leaf:
    """Vectors that lie together, in a box: middle - reach <= outline <= middle + reach."""

    positions: Members  # (m,)
    outlines: Outlines
    middle: Bounds = field(init=False)
    reach: Bounds = field(init=False)

    def __post_init__(self) -> None:
        # where there are none: a box that is far from everything
        low = self.outlines.min(axis=0, initial=2)
        high = self.outlines.max(axis=0, initial=-2)
        object.__setattr__(self, "middle", (low + high) / 2)
        object.__setattr__(self, "reach", (high - low) / 2)

    def near(self, other: "Leaf", distance_squared: float) -> "Leaf":
        """Those of these vectors that can be so near to one of the other's."""
        gaps = np.abs(self.outlines - other.middle)
        gaps -= other.reach
        np.maximum(gaps, 0, out=gaps)
        close = np.einsum("mc,mc->m", gaps, gaps) <= distance_squared + ROOM
        return Leaf(self.positions[close], self.outlines[close])


def leaves(vectors: Vectors, positions: Members) -> list[Leaf]:
    """Of one or more positions."""
    outlines = _outlines(vectors, positions)
    parts, whole = [np.arange(len(positions))], []
    while parts:
        part = parts.pop()
        if len(part) <= LEAF:
            whole.append(Leaf(positions[part], outlines[part]))
            continue
        low, high = _halves(outlines, part)
        parts += [high, low]
    return whole


def _outlines(vectors: Vectors, positions: Members) -> Outlines:
    axes = _principal_axes(vectors.units(_some(positions)))
    outlines = np.empty((len(positions), axes.shape[1] + 1), dtype=np.float32)
    for first in range(0, len(positions), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        leading = vectors.units(positions[part]) @ axes
        rest = 1 - np.einsum("mc,mc->m", leading, leading)
        outlines[part, :-1] = leading
        outlines[part, -1] = np.sqrt(np.maximum(rest, 0))
    return outlines


def _principal_axes(sample: Units) -> Units:
    """(m, dim) -> (dim, at most AXES), orthonormal; not centred, since cosines are not."""
    _, axes = np.linalg.eigh(sample.T @ sample)  # by rising share
    leading: Units = axes[:, ::-1][:, :AXES]
    return leading


def _halves(outlines: Outlines, part: Members) -> tuple[Members, Members]:
    """Across the widest column, so that all leaves but one are full."""
    column = int(np.argmax(outlines[_some(part)].var(axis=0)))
    count = -(-len(part) // LEAF) // 2 * LEAF
    order = np.argpartition(outlines[part, column], count)
    return part[order[:count]], part[order[count:]]


def _some(positions: Members) -> Members:
    """Evenly spread."""
    return positions[:: -(-len(positions) // SAMPLE)]
