import numpy as np
from numpy.typing import NDArray

from index.segments import Units
from index.vectors.units import CONVERTED_ROWS, StackedUnits, apart_from_mean, inner_products


def drawn(count: int, dimension: int) -> Units:
    rows = np.random.default_rng(0).standard_normal((count, dimension))
    units: Units = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    return units


def summed_by_numpy(units: Units, vector: NDArray[np.float32]) -> NDArray[np.float64]:
    products: NDArray[np.float64] = units.astype(np.float64) * vector.astype(np.float64)
    sums: NDArray[np.float64] = np.sum(products, axis=-1)
    return sums


def test_inner_products_are_numpys_to_the_last_bit() -> None:
    for count in (0, 1, CONVERTED_ROWS, CONVERTED_ROWS + 1, 1000):
        for dimension in (1, 7, 512, 768):
            units = drawn(count, dimension)
            vector = np.random.default_rng(1).standard_normal(dimension).astype(np.float32)
            expected = summed_by_numpy(units, vector)
            assert inner_products(units, vector).tobytes() == expected.tobytes()


def test_a_rows_score_does_not_depend_on_its_neighbours() -> None:
    units, vector = drawn(300, 512), np.ones(512, np.float32)
    together = inner_products(units, vector)
    assert [inner_products(units[at : at + 1], vector)[0] for at in range(300)] == together.tolist()


def test_rows_that_are_strided_score_the_same() -> None:
    units, vector = drawn(300, 512), np.ones(512, np.float32)
    np.testing.assert_array_equal(
        inner_products(units[::3], vector), inner_products(units, vector)[::3]
    )


BLOCKS = [np.full((count, 1), value, np.float16) for value, count in ((1, 2), (2, 0), (3, 3))]


def test_rows_are_taken_across_blocks_in_the_order_asked() -> None:
    stacked = StackedUnits(BLOCKS)
    assert len(stacked) == 5
    assert stacked.take(np.array([4, 0, 2, 1, 0])).ravel().tolist() == [3, 1, 3, 1, 1]


def test_chunks_hold_every_row_once_in_order() -> None:
    chunks = [chunk.ravel().tolist() for chunk in StackedUnits(BLOCKS).chunks(2)]
    assert chunks == [[1, 1], [3, 3], [3]]


def test_a_sample_is_of_different_rows_the_same_each_time() -> None:
    stacked = StackedUnits([np.zeros((1000, 1), np.float16)] * 10)
    sample = stacked.sample(500, seed=1)
    assert sample.tolist() == stacked.sample(500, seed=1).tolist()
    assert sample.tolist() != stacked.sample(500, seed=2).tolist()
    assert sorted(set(sample.tolist())) == sample.tolist()
    # each block is drawn from: none would be missed by chance but once in 10^22
    assert {row // 1000 for row in sample.tolist()} == set(range(10))


def test_a_sample_of_more_than_there_are_is_of_all() -> None:
    assert StackedUnits(BLOCKS).sample(9, seed=0).tolist() == [0, 1, 2, 3, 4]


def test_rows_are_told_apart_from_what_they_share() -> None:
    shared, own = np.eye(4, dtype=np.float32)[0], np.eye(4, dtype=np.float32)[1:]
    rows = np.sqrt(np.float32(0.5)) * np.concatenate([shared + own, shared - own])
    apart = np.sqrt(np.float32(0.5)) * np.concatenate([own, -own])
    np.testing.assert_allclose(apart_from_mean(rows), apart, atol=1e-6)


def test_rows_that_share_little_stay_as_they_are() -> None:
    rows = np.eye(64, dtype=np.float32)
    assert apart_from_mean(rows) is rows
