"""Composers: the answers are worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.composers import Slerp, WeightedSum, composer_named, slerp
from models.errors import InputError
from models.space import Space
from models.vectors import unit, unit_vector

SPACE = Space("hand", "0" * 16, 2)
EAST = np.array([1, 0], dtype=np.float32)
NORTH = np.array([0, 1], dtype=np.float32)


def test_the_sum_adds_the_unscaled_embeddings_so_that_norms_carry_weight() -> None:
    query = WeightedSum().compose(SPACE, 3 * EAST, [4 * NORTH])
    assert np.allclose(query.probes[0].vector, [0.6, 0.8])


def test_the_sums_weight_scales_the_instruction() -> None:
    query = WeightedSum(weight=0.75).compose(SPACE, 3 * EAST, [4 * NORTH])
    assert np.allclose(query.probes[0].vector, [np.sqrt(0.5), np.sqrt(0.5)])


def test_several_instructions_add_up() -> None:
    query = WeightedSum().compose(SPACE, 3 * EAST, [NORTH, 3 * NORTH])
    assert np.allclose(query.probes[0].vector, [0.6, 0.8])


def test_slerp_stands_at_the_share_of_the_arc() -> None:
    third = slerp(EAST, NORTH, 1 / 3)
    assert np.allclose(third, [np.cos(np.pi / 6), np.sin(np.pi / 6)])


def test_slerp_ends_at_its_ends() -> None:
    assert np.allclose(slerp(EAST, NORTH, 0), EAST)
    assert np.allclose(slerp(EAST, NORTH, 1), NORTH)


def test_slerp_ignores_norms_and_takes_instructions_in_turn() -> None:
    query = Slerp(0.5).compose(SPACE, 9 * EAST, [NORTH, 5 * NORTH])
    assert np.allclose(query.probes[0].vector, [np.cos(3 * np.pi / 8), np.sin(3 * np.pi / 8)])


def test_slerp_between_equal_vectors_stays_there() -> None:
    assert np.allclose(slerp(EAST, EAST, 0.3), EAST)


def test_opposite_vectors_have_no_unique_arc() -> None:
    with pytest.raises(InputError, match="opposite"):
        slerp(EAST, -EAST, 0.5)


@given(arrays(np.float32, (2, 5), elements=st.floats(-1, 1, width=32)), st.floats(0, 1))
def test_slerp_keeps_unit_length(pair: np.ndarray, share: float) -> None:
    if np.linalg.norm(pair, axis=1).min() < 1e-2:
        return
    a, b = unit(pair)[0]
    if np.dot(a, b) < -0.999:
        return
    assert abs(np.linalg.norm(slerp(a, b, share)) - 1) < 1e-5


@pytest.mark.parametrize(("name", "weight"), [("sum", -1), ("slerp", 1.5), ("slerp", -0.1)])
def test_a_weight_out_of_range_is_refused(name: str, weight: float) -> None:
    with pytest.raises(InputError, match="weight"):
        composer_named(name, weight)


def test_an_unknown_composer_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"'mean'.*sum, slerp"):
        composer_named("mean")


def test_a_vector_without_direction_is_refused() -> None:
    with pytest.raises(InputError, match="no direction"):
        unit_vector(np.zeros(3, dtype=np.float32))
    with pytest.raises(InputError, match="no direction"):
        unit_vector(np.array([np.nan, 1], dtype=np.float32))
