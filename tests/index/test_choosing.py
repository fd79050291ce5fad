import pytest

from index.faiss import check_factory
from index.vectors.choosing import EXACT, Budget, choose, lists_for, quantised_bytes
from models.machine import available_memory

AMPLE = Budget(memory_bytes=2**40)


def test_a_small_gallery_is_searched_exactly() -> None:
    assert choose(0, 512, AMPLE) == EXACT
    assert choose(25_000, 512, AMPLE) == EXACT
    assert choose(25_001, 512, AMPLE) != EXACT


def test_shorter_vectors_are_searched_exactly_for_longer() -> None:
    assert choose(40_000, 256, AMPLE) == EXACT
    assert choose(40_000, 512, AMPLE) != EXACT


def test_a_large_gallery_is_quantised_in_lists() -> None:
    assert choose(1_000_000, 512, AMPLE) == "IVF4096,PQ256x4fs"


def test_lists_grow_as_the_root_of_the_gallery() -> None:
    assert [lists_for(4**power) for power in (0, 5, 10)] == [4, 128, 4096]


def test_no_more_lists_than_can_be_filled_in_time() -> None:
    assert lists_for(10**7) == lists_for(10**9) == 8192


def test_less_memory_means_coarser_codes() -> None:
    # 128, 64, 32 and 16 bytes of codes and 8 of row id a row, 8.4 MB of centroids
    budgets = {"PQ256x4fs": 145, "PQ128x4fs": 81, "PQ64x4fs": 49, "PQ32x4fs": 33}
    for codes, megabytes in budgets.items():
        assert choose(1_000_000, 512, Budget(megabytes * 10**6)) == f"IVF4096,{codes}"


def test_an_index_may_hold_a_quarter_of_the_machines_memory() -> None:
    assert Budget().memory_bytes == available_memory() // 4


def test_of_a_budget_too_small_for_any_the_smallest_is_chosen() -> None:
    assert choose(1_000_000, 512, Budget(memory_bytes=0)) == "IVF4096,PQ32x4fs"


def test_memory_is_counted_in_codes_ids_and_centroids() -> None:
    assert quantised_bytes(4**10, 512, 256) == 4**10 * (128 + 8) + 4096 * 512 * 4


def test_whoever_wants_all_gets_an_exact_index() -> None:
    assert choose(1_000_000, 512, Budget(recall=1.0)) == EXACT


@pytest.mark.parametrize("dimension", [257, 384, 512, 514, 640, 768, 1024, 1152])
def test_faiss_takes_what_is_chosen_for_any_dimension(dimension: int) -> None:
    for memory_bytes in (0, 2**27, 2**40):
        check_factory(choose(1_000_000, dimension, Budget(memory_bytes)), dimension)
