"""What is to be written over in a file of bytes, at which length it ends: its size stays, or falls.

Raises WithheldError where a file is not made as its format says: what cannot be read cannot be
left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Patch(NamedTuple):
    first: int  # of the file's bytes
    data: bytes


@dataclass(frozen=True)
class Edit:
    length: int
    patches: tuple[Patch, ...] = ()

    @classmethod
    def of(cls, data: bytes, length: int, patches: Iterable[Patch]) -> "Edit":
        """Without those that change nothing."""
        return cls(length, tuple(p for p in patches if data[p.first : _end(p)] != p.data))

    def over(self, first: int, data: bytes) -> bytes:
        """A part of the file, from `first` on, as it is edited."""
        held = bytearray(data)
        for patch in self.patches:
            low, high = max(patch.first, first), min(_end(patch), first + len(data))
            if low < high:
                held[low - first : high - first] = patch.data[
                    low - patch.first : high - patch.first
                ]
        return bytes(held[: max(0, self.length - first)])


def _end(patch: Patch) -> int:
    return patch.first + len(patch.data)
