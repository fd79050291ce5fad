import numpy as np

from service.model.cache import ENTRY_BYTES, Embedded, EmbeddingCache, content_key
from service.telemetry.measures import Unmeasured


class Counted(Unmeasured):
    def __init__(self) -> None:
        self.hits: list[str] = []
        self.misses: list[str] = []

    def cache_hit(self, kind: str) -> None:
        self.hits.append(kind)

    def cache_miss(self, kind: str) -> None:
        self.misses.append(kind)


def embedded(first: float) -> Embedded:
    return Embedded(np.array([first, 0, 0, 0], dtype=np.float32))


EACH = 16 + ENTRY_BYTES


def test_what_was_asked_for_least_recently_leaves_when_the_budget_is_spent() -> None:
    cache = EmbeddingCache(2 * EACH)
    cache.keep(b"a", embedded(1))
    cache.keep(b"b", embedded(2))
    assert cache.get("texts", b"a") is not None
    cache.keep(b"c", embedded(3))
    assert [cache.get("texts", key) is not None for key in (b"a", b"b", b"c")] == [
        True,
        False,
        True,
    ]
    assert cache.held_bytes == 2 * EACH


def test_what_is_kept_twice_counts_once() -> None:
    cache = EmbeddingCache(2 * EACH)
    cache.keep(b"a", embedded(1))
    cache.keep(b"a", embedded(2))
    found = cache.get("texts", b"a")
    assert found is not None
    assert found.vector[0] == 2
    assert cache.held_bytes == EACH


def test_a_cache_without_a_budget_keeps_nothing() -> None:
    cache = EmbeddingCache(0)
    cache.keep(b"a", embedded(1))
    assert cache.get("texts", b"a") is None
    assert cache.held_bytes == 0


def test_hits_and_misses_are_told() -> None:
    counted = Counted()
    cache = EmbeddingCache(EACH, counted)
    cache.get("texts", b"a")
    cache.keep(b"a", embedded(1))
    cache.get("texts", b"a")
    assert (counted.hits, counted.misses) == (["texts"], ["texts"])


def test_a_key_is_of_the_parts_and_not_of_where_they_join() -> None:
    assert content_key("text", b"ab", b"c") != content_key("text", b"a", b"bc")
    assert content_key("text", b"a") != content_key("picture", b"a")
    assert content_key("text", b"a") == content_key("text", b"a")
