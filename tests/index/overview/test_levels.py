"""Which points stand for their neighbourhood."""

import numpy as np
import pytest

from index.overview.levels import CROWD, DEEPEST, codes, levels


def test_a_code_names_the_quarter_of_a_quarter_that_a_point_lies_in() -> None:
    corners = np.array([[0, 0], [0.9, 0], [0, 0.9], [0.9, 0.9], [1, 1]], np.float32)
    quarters = codes(corners) >> np.uint32(2 * (DEEPEST - 1))
    assert quarters.tolist() == [0, 1, 2, 3, 3]


def test_of_each_cell_that_holds_any_one_point_is_shown_at_its_level_or_before() -> None:
    places = np.random.default_rng(5).random((4000, 2), dtype=np.float32)
    found = levels(codes(places), places)
    for level in (0, 1, 3, 5):
        cells = codes(places) >> np.uint32(2 * (DEEPEST - level)) if level else np.zeros(4000, int)
        shown = cells[found <= level]
        assert sorted(shown.tolist()) == sorted(set(cells.tolist()))


def test_it_is_the_one_nearest_to_the_middle() -> None:
    places = np.array([[0.1, 0.1], [0.51, 0.5], [0.9, 0.9]], np.float32)
    assert levels(codes(places), places).tolist()[1] == 0


def test_what_lies_in_one_place_comes_last_but_for_one() -> None:
    places = np.full((5, 2), 0.25, np.float32)
    assert sorted(levels(codes(places), places).tolist()) == [0, CROWD, CROWD, CROWD, CROWD]


@pytest.mark.parametrize("count", [0, 1])
def test_of_hardly_any_points_all_are_shown(count: int) -> None:
    places = np.full((count, 2), 0.5, np.float32)
    assert levels(codes(places), places).tolist() == [0] * count
