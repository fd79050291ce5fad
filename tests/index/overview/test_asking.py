"""A box of the overview, of galleries of given vectors."""

import numpy as np
import pytest

from index.filtering.matching import Few, Many
from index.overview.asking import Box, Looking, overview
from index.overview.layout import layout
from models.errors import InputError
from tests.index.galleries import numbered, random_vectors, snapshot_of

COUNT = 2000
VECTORS = random_vectors(np.random.default_rng(3), COUNT, 8)
GALLERY = snapshot_of(VECTORS, rows_a_segment=700).gallery


def test_the_points_of_a_box_stand_for_all_that_lie_in_it() -> None:
    box = Box(0.2, 0.1, 0.7, 0.6)
    held = layout(GALLERY).places
    inside = ((held >= (0.2, 0.1)) & (held <= (0.7, 0.6))).all(axis=1)
    found = overview(GALLERY, Looking(box, 40), None)
    assert (found.items, found.inside, found.method) == (COUNT, int(inside.sum()), "pca")
    assert len(found.points) == 40
    assert sum(point.count for point in found.points) == found.inside
    assert all(0.2 <= p.x <= 0.7 and 0.1 <= p.y <= 0.6 for p in found.points)


def test_a_point_that_is_shown_stays_as_one_comes_nearer() -> None:
    far = {p.id for p in overview(GALLERY, Looking(limit=100), None).points if p.x <= 0.5}
    near = overview(GALLERY, Looking(Box(0, 0, 0.5, 1), limit=100), None).points
    assert far <= {p.id for p in near}


def test_where_all_are_shown_each_stands_for_itself() -> None:
    found = overview(GALLERY, Looking(limit=COUNT), None)
    assert sorted(p.id for p in found.points) == numbered(COUNT)
    assert {p.count for p in found.points} == {1}


def test_few_points_are_spread_over_the_plane() -> None:
    """Each quarter of the middle has its own."""
    found = overview(GALLERY, Looking(limit=5), None)
    quarters = {(point.x > 0.5, point.y > 0.5) for point in found.points}
    assert len(quarters) == 4


@pytest.mark.parametrize("kind", ["few", "many"])
def test_a_selection_leaves_others_out_and_moves_nothing(kind: str) -> None:
    mask = np.zeros(COUNT, np.bool_)
    mask[::7] = True
    selection = Few(np.flatnonzero(mask)) if kind == "few" else Many(mask)
    found = overview(GALLERY, Looking(limit=COUNT), selection)
    assert found.items == len(found.points) == mask.sum()
    every = {p.id: (p.x, p.y) for p in overview(GALLERY, Looking(limit=COUNT), None).points}
    assert all(every[p.id] == (p.x, p.y) for p in found.points)


def test_a_box_or_a_limit_that_is_none_is_refused() -> None:
    for box in ((0.5, 0, 0.5, 1), (0, 0, 1.1, 1), (float("nan"), 0, 1, 1)):
        with pytest.raises(InputError):
            Box(*box)
    for limit in (0, 5001):
        with pytest.raises(InputError):
            Looking(limit=limit)
