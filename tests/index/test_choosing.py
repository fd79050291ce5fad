import pytest

from index.choosing import EXACT, Budget, choose, lists_for, quantised_bytes
from index.faiss import check_factory

AMPLE = Budget(memory_bytes=2**40)


def test_a_small_gallery_is_searched_exactly() -> None:
    assert choose(0, 512, AMPLE) == EXACT
    assert choose(25_000, 512, AMPLE) == EXACT
    assert choose(25_001, 512, AMPLE) != EXACT


def test_shorter_vectors_are_searched_exactly_for_longer() -> None:
    assert choose(40_000, 256, AMPLE) == EXACT
    assert choose(40_000, 512, AMPLE) != EXACT


def test_a_large_gallery_is_quantised_in_lists() -> None:
    assert choose(1_000_000, 512, AMPLE) == "IVF2048,PQ256x4fs"


def test_lists_grow_as_the_root_of_the_gallery() -> None:
    assert [lists_for(4**power) for power in (0, 5, 10)] == [2, 64, 2048]


def test_less_memory_means_coarser_codes() -> None:
    # 128, 64, 32 and 16 bytes of codes and 8 of row id a row, 4 MB of centroids
    budgets = {"PQ256x4fs": 141, "PQ128x4fs": 77, "PQ64x4fs": 45, "PQ32x4fs": 29}
    for codes, megabytes in budgets.items():
        assert choose(1_000_000, 512, Budget(megabytes * 10**6)) == f"IVF2048,{codes}"


def test_of_a_budget_too_small_for_any_the_smallest_is_chosen() -> None:
    assert choose(1_000_000, 512, Budget(memory_bytes=0)) == "IVF2048,PQ32x4fs"


def test_memory_is_counted_in_codes_ids_and_centroids() -> None:
    assert quantised_bytes(4**10, 512, 256) == 4**10 * (128 + 8) + 2048 * 512 * 4


def test_whoever_wants_all_gets_an_exact_index() -> None:
    assert choose(1_000_000, 512, Budget(recall=1.0)) == EXACT


@pytest.mark.parametrize("dimension", [257, 384, 512, 514, 640, 768, 1024, 1152])
def test_faiss_takes_what_is_chosen_for_any_dimension(dimension: int) -> None:
    for memory_bytes in (0, 2**27, 2**40):
        check_factory(choose(1_000_000, dimension, Budget(memory_bytes)), dimension)
