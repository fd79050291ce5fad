from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from index.faiss import (
    FaissIndex,
    best_scores,
    check_factory,
    exact_index,
    faiss_threads,
    limit_faiss_threads,
)
from index.segments import Units
from index.vectors.effort import Effort
from index.vectors.neighbours import VectorIndex
from index.vectors.units import StackedUnits
from models.errors import CollectionError, InputError

ROWS = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float16)
EAST = np.array([1, 0.1], dtype=np.float32)


def on_a_circle(count: int) -> Units:
    angles = np.arange(count) * 2 * np.pi / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float16)


def written(folder: Path, factory: str, rows: Units) -> FaissIndex:
    """Built of two blocks, written and opened."""
    half = len(rows) // 2
    index = FaissIndex.build(factory, 2, StackedUnits([rows[:half], rows[half:]]))
    file = folder / "x.faiss"
    index.write(file)
    return FaissIndex.open(file, 2, file.stat().st_size)


def opened(file: Path, dimension: int) -> FaissIndex:
    return FaissIndex.open(file, dimension, file.stat().st_size)


def test_the_index_is_exact_and_nearest_first() -> None:
    index: VectorIndex = exact_index(2, [ROWS[:2], ROWS[2:]])
    east, west = index.search(np.stack([EAST, -EAST]), 2)
    assert east[1].tolist() == [0, 1]
    assert east[0].tolist() == pytest.approx([1, 0.1])
    assert west[1].tolist() == [2, 1]


def test_asking_for_more_than_there_is_gives_what_there_is() -> None:
    ((scores, rows),) = exact_index(2, [ROWS]).search(EAST[None], 10)
    assert rows.tolist() == [0, 1, 2]
    assert len(scores) == 3


def test_an_empty_index_finds_nothing() -> None:
    found = exact_index(2, []).search(np.stack([EAST, EAST]), 10)
    assert [(len(scores), len(rows)) for scores, rows in found] == [(0, 0), (0, 0)]


def test_a_missing_hit_is_dropped() -> None:
    nowhere = np.full(2, np.nan, dtype=np.float32)
    lost, found = exact_index(2, [ROWS]).search(np.stack([nowhere, EAST]), 3)
    assert [len(part) for part in lost] == [0, 0]
    assert [len(part) for part in found] == [3, 3]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    exact_index(2, [ROWS]).write(tmp_path / "x.faiss")
    index = opened(tmp_path / "x.faiss", 2)
    assert len(index) == 3
    np.testing.assert_array_equal(index.vectors(1, 2), ROWS[1:].astype(np.float32))


def test_a_damaged_index_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.faiss"
    file.write_bytes(b"IxFI")
    with pytest.raises(CollectionError, match="damaged index"):
        opened(file, 2)


def test_an_index_of_another_dimension_is_refused(tmp_path: Path) -> None:
    exact_index(2, [ROWS]).write(tmp_path / "x.faiss")
    with pytest.raises(CollectionError, match="dimension 2, expected 3"):
        opened(tmp_path / "x.faiss", 3)


def test_a_missing_index_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        opened(tmp_path / "x.faiss", 2)


def test_an_exact_index_holds_rows_as_they_are_stored(tmp_path: Path) -> None:
    index = written(tmp_path, "SQfp16", ROWS)
    ((scores, rows),) = index.search(EAST[None], 3)
    assert rows.tolist() == [0, 1, 2]
    assert scores.tolist() == pytest.approx([1, 0.1, -1])
    assert index.exact


def test_an_index_of_lists_finds_what_its_breadth_reaches(tmp_path: Path) -> None:
    rows = on_a_circle(400)
    index = written(tmp_path, "IVF8,SQfp16", rows)
    ((_, narrow),) = index.search(EAST[None], 400, effort=Effort(1, 0))
    ((_, wide),) = index.search(EAST[None], 400, effort=Effort(index.widest, 0))
    assert index.widest == 8
    assert not index.exact
    assert 0 < len(narrow) < 400
    assert sorted(wide.tolist()) == list(range(400))


def test_an_effort_beyond_the_widest_is_the_widest(tmp_path: Path) -> None:
    index = written(tmp_path, "IVF8,SQfp16", on_a_circle(400))
    ((_, rows),) = index.search(EAST[None], 400, effort=Effort(1_000_000, 0))
    assert len(rows) == 400


def test_lists_are_of_like_size_though_all_rows_point_one_way() -> None:
    generator = np.random.default_rng(0)
    centres = np.repeat(generator.standard_normal((800, 64)), 5, axis=0)
    drawn = (centres + 0.1 * generator.standard_normal(centres.shape)) / 8
    drawn[:, 0] += 1
    rows = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float16)
    index = FaissIndex.build("IVF40,SQfp16", 64, StackedUnits([rows]))
    nearest = index.search(rows.astype(np.float32), len(rows), effort=Effort(1, 0))
    # rows in the list of the mean row: 100 if all lists are alike, 144 were they left as they are
    assert np.mean([len(found) for _, found in nearest]) < 120


def test_one_search_changes_nothing_for_the_next(tmp_path: Path) -> None:
    index = written(tmp_path, "IVF8,SQfp16", on_a_circle(400))
    ((_, before),) = index.search(EAST[None], 400)
    index.search(EAST[None], 400, effort=Effort(8, 0), among=np.zeros(400, np.bool_))
    ((_, after),) = index.search(EAST[None], 400)
    assert after.tolist() == before.tolist()


def test_searches_at_once_each_have_their_own_effort(tmp_path: Path) -> None:
    index = written(tmp_path, "IVF8,SQfp16", on_a_circle(400))
    efforts = [Effort(breadth, 0) for breadth in (1, 8)] * 50
    alone = [len(index.search(EAST[None], 400, effort=each)[0][1]) for each in efforts[:2]]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(
            lambda each: len(index.search(EAST[None], 400, effort=each)[0][1]), efforts
        )
        assert list(found) == alone * 50


@pytest.mark.parametrize(
    "factory",
    [
        "Flat",
        "SQfp16",
        "SQ8",
        "IVF4,SQfp16",
        "IVF4,PQ1x4fs",
        "IVF4,PQ1x4fs,RFlat",
        "OPQ1,IVF4,PQ1x4fs",
        "HNSW8,SQfp16",
    ],
)
def test_a_search_among_some_rows_finds_no_others(tmp_path: Path, factory: str) -> None:
    index = written(tmp_path, factory, on_a_circle(400))
    among = np.zeros(400, np.bool_)
    among[[100, 300]] = True
    ((_, rows),) = index.search(EAST[None], 5, effort=Effort(400, 0), among=among)
    assert index.takes_selector
    assert sorted(rows.tolist()) == [100, 300]


@pytest.mark.parametrize("factory", ["PQ1x4fs", "PQ1"])
def test_a_kind_that_cannot_search_among_rows_says_so(tmp_path: Path, factory: str) -> None:
    index = written(tmp_path, factory, on_a_circle(400))
    assert not index.takes_selector
    with pytest.raises(InputError, match="cannot search among rows"):
        index.search(EAST[None], 5, among=np.ones(400, np.bool_))
    assert len(index.search(EAST[None], 5, effort=Effort(4, 0))[0][1]) == 5


def test_no_rows_at_all_may_be_marked(tmp_path: Path) -> None:
    index = written(tmp_path, "IVF4,SQfp16", on_a_circle(400))
    ((scores, rows),) = index.search(EAST[None], 5, among=np.zeros(400, np.bool_))
    assert len(scores) == len(rows) == 0


def test_a_graph_is_searched_as_widely_as_it_is_asked_for_rows(tmp_path: Path) -> None:
    index = written(tmp_path, "HNSW8,SQfp16", on_a_circle(400))
    assert index.most_proposed(16) == 16
    assert len(index.search(EAST[None], 40, effort=Effort(16, 0))[0][1]) == 40


@pytest.mark.parametrize("factory", ["Nope", "", "IVF4", "PQ7x4fs", "IVF99999999999,Flat", "LSHr"])
def test_what_is_no_factory_string_is_refused_in_one_line(factory: str) -> None:
    with pytest.raises(InputError) as refused:
        check_factory(factory, 2)
    assert str(refused.value).startswith(f"index {factory!r}: ")
    assert "\n" not in str(refused.value)


def test_an_index_that_names_rows_by_other_numbers_is_refused() -> None:
    with pytest.raises(InputError, match="expected one that numbers them"):
        check_factory("IDMap,Flat", 2)


def test_an_index_that_wants_more_rows_than_there_are_is_refused() -> None:
    with pytest.raises(InputError, match="index IVF8,SQfp16: cannot be built of 3 rows: Number of"):
        FaissIndex.build("IVF8,SQfp16", 2, StackedUnits([ROWS]))


def test_an_empty_gallery_has_an_index_that_finds_nothing(tmp_path: Path) -> None:
    index = written(tmp_path, "SQfp16", ROWS[:0])
    ((scores, rows),) = index.search(EAST[None], 3, among=np.zeros(0, np.bool_))
    assert (len(index), len(scores), len(rows)) == (0, 0, 0)


def test_an_index_that_was_cut_off_is_refused_before_it_is_read(tmp_path: Path) -> None:
    written(tmp_path, "IVF4,SQfp16", on_a_circle(400))
    file = tmp_path / "x.faiss"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(CollectionError, match=f"bytes, expected {len(whole)}"):
        FaissIndex.open(file, 2, len(whole))


def test_an_opened_file_that_is_no_index_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "x.faiss"
    for data in (b"", b"IxFI", bytes(100)):
        file.write_bytes(data)
        with pytest.raises(CollectionError, match="damaged index"):
            FaissIndex.open(file, 2, len(data))


def test_an_opened_index_must_be_of_its_space(tmp_path: Path) -> None:
    written(tmp_path, "SQfp16", ROWS)
    file = tmp_path / "x.faiss"
    with pytest.raises(CollectionError, match="dimension 2, expected 3"):
        FaissIndex.open(file, 3, file.stat().st_size)
    with pytest.raises(FileNotFoundError):
        FaissIndex.open(tmp_path / "y.faiss", 2, 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told() -> None:
    index = FaissIndex.build("SQfp16", 2, StackedUnits([ROWS]))
    with pytest.raises(CollectionError, match="No space left on device"):
        index.write(Path("/dev/full"))


def test_every_thread_keeps_the_budget() -> None:
    before = faiss_threads()
    try:
        limit_faiss_threads(1)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(faiss_threads).result() == 1
    finally:
        limit_faiss_threads(before)


def test_the_best_scores_of_a_block_are_exact() -> None:
    best = best_scores(ROWS, np.stack([EAST, -EAST]), 2)
    np.testing.assert_allclose(best, [[1, 0.1], [1, -0.1]], atol=1e-6)
    assert best_scores(ROWS, EAST[None], 9).shape == (1, 3)
