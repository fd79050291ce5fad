"""Samples to one WebDataset shard: files that share a running number, side by side in a tar.

Format: https://github.com/webdataset/webdataset
"""

import io
import tarfile
from collections.abc import Iterable
from typing import BinaryIO, Protocol

Sample = Iterable[tuple[str, bytes]]  # suffix, its dot included, and content


class Full(Protocol):
    """When a shard is: whichever comes first."""

    @property
    def samples(self) -> int: ...

    @property
    def bytes(self) -> int: ...


def fill_shard(stream: BinaryIO, samples: Iterable[Sample], first: int, full: Full) -> int:
    """As many of them as there is room for, numbered from `first`; how many those are."""
    count = 0
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for sample in samples:
            for suffix, data in sample:
                member = tarfile.TarInfo(f"{first + count:09d}{suffix}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
            count += 1
            if count >= full.samples or stream.tell() >= full.bytes:
                break
    return count
