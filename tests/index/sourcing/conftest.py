"""A bucket for tests: fsspec's file system in memory, which behaves as one does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.index.sourcing.buckets import Bucket


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    """A folder of this test's own."""
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    files.mkdirs(f"{tmp_path}/photos")
    yield Bucket(files, f"{tmp_path}/photos")
    files.rm(str(tmp_path), recursive=True)
