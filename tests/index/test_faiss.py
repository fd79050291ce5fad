from pathlib import Path

import numpy as np
import pytest

from index.faiss import FlatIndex, index_name
from index.gallery import VectorIndex
from index.segments import SegmentRecord
from models.errors import CollectionError

ROWS = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float16)
EAST = np.array([1, 0.1], dtype=np.float32)


def test_the_index_is_exact_and_nearest_first() -> None:
    index: VectorIndex = FlatIndex.build(2, [ROWS[:2], ROWS[2:]])
    east, west = index.search(np.stack([EAST, -EAST]), 2)
    assert east[1].tolist() == [0, 1]
    assert east[0].tolist() == pytest.approx([1, 0.1])
    assert west[1].tolist() == [2, 1]


def test_asking_for_more_than_there_is_gives_what_there_is() -> None:
    ((scores, rows),) = FlatIndex.build(2, [ROWS]).search(EAST[None], 10)
    assert rows.tolist() == [0, 1, 2]
    assert len(scores) == 3


def test_an_empty_index_finds_nothing() -> None:
    found = FlatIndex.build(2, []).search(np.stack([EAST, EAST]), 10)
    assert [(len(scores), len(rows)) for scores, rows in found] == [(0, 0), (0, 0)]


def test_a_missing_hit_is_dropped() -> None:
    nowhere = np.full(2, np.nan, dtype=np.float32)
    lost, found = FlatIndex.build(2, [ROWS]).search(np.stack([nowhere, EAST]), 3)
    assert [len(part) for part in lost] == [0, 0]
    assert [len(part) for part in found] == [3, 3]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    FlatIndex.build(2, [ROWS]).write(tmp_path / "x.faiss")
    index = FlatIndex.read(tmp_path / "x.faiss", 2)
    assert len(index) == 3
    np.testing.assert_array_equal(index.vectors(1, 2), ROWS[1:].astype(np.float32))


def test_a_damaged_index_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.faiss"
    file.write_bytes(b"IxFI")
    with pytest.raises(CollectionError, match="damaged index"):
        FlatIndex.read(file, 2)


def test_an_index_of_another_dimension_is_refused(tmp_path: Path) -> None:
    FlatIndex.build(2, [ROWS]).write(tmp_path / "x.faiss")
    with pytest.raises(CollectionError, match="dimension 2, expected 3"):
        FlatIndex.read(tmp_path / "x.faiss", 3)


def test_a_missing_index_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FlatIndex.read(tmp_path / "x.faiss", 2)


def test_an_index_is_named_by_its_segments_in_their_order() -> None:
    a, b = SegmentRecord("a", 1, 1, "aa" * 32), SegmentRecord("b", 1, 1, "bb" * 32)
    assert index_name([a, b]) == index_name([a, b])
    assert len({index_name([a, b]), index_name([b, a]), index_name([a])}) == 3


def test_each_space_has_an_index_of_its_own_name() -> None:
    segments = [SegmentRecord("a", 1, 1, "aa" * 32)]
    assert index_name(segments, 0) == index_name(segments)
    assert len({index_name(segments, space) for space in range(3)}) == 3
