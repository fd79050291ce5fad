import numpy as np
import pytest

from index.faiss import FaissIndex
from index.segments import Units
from index.vectors.effort import Effort, Reached, Tuning, parse_tuning
from index.vectors.truth import image_queries, text_queries, truths
from index.vectors.tuning import PROPOSED, breadths, recall_at, tune
from index.vectors.units import StackedUnits
from models.errors import CollectionError, InputError
from models.vectors import Embeddings

DIMENSION = 16
IDLE = Reached(Effort(1, 20), 1.0, 0)


def crowded(count: int, seed: int = 0) -> Units:
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((20, DIMENSION))
    rows = centres[generator.integers(0, 20, count)]
    rows = rows + 0.5 * generator.standard_normal((count, DIMENSION))
    units: Units = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    return units


def stacked(rows: Units) -> StackedUnits:
    return StackedUnits([rows[: len(rows) // 3], rows[len(rows) // 3 :]])


def best_of(rows: Units, query: Embeddings, own: int | None) -> set[int]:
    scores = rows.astype(np.float64) @ query.astype(np.float64)
    if own is not None:
        scores[own] = -np.inf
    return set(np.argsort(-scores)[:10].tolist())


def test_recall_is_the_share_of_the_ten_best_that_the_index_proposes() -> None:
    rows = crowded(2000)
    units = stacked(rows)
    index = FaissIndex.build("IVF16,PQ8x4fs", DIMENSION, units)
    queries = image_queries(units, seed=0)
    (truth,) = truths(units, [queries])
    effort = Effort(2, 30)
    shares = []
    for vector, own in zip(queries.vectors, queries.own_rows, strict=True):
        ((_, proposed),) = index.search(vector[None], effort.proposed + 1, effort=effort)
        others = [row for row in proposed.tolist() if row != own][: effort.proposed]
        shares.append(len(best_of(rows, vector, int(own)) & set(others)) / 10)
    assert 0.2 < np.mean(shares) < 0.99
    assert recall_at(index, truth, effort) == pytest.approx(np.mean(shares))


def test_effort_is_raised_until_the_recall_meets_the_target() -> None:
    units = stacked(crowded(5000))
    index = FaissIndex.build("IVF32,PQ8x4fs", DIMENSION, units)
    modest, high = (tune(index, units, target=target) for target in (0.6, 0.97))
    for tuned in (modest, high):
        assert tuned.missed == ()
    assert modest.image.effort.breadth < high.image.effort.breadth


def test_a_measurement_is_what_a_search_with_that_effort_reaches() -> None:
    units = stacked(crowded(5000))
    index = FaissIndex.build("IVF32,PQ8x4fs", DIMENSION, units)
    tuned = tune(index, units)
    image, text = truths(units, [image_queries(units, 0), text_queries(units, None, 0)])
    # which of equal codes come first depends on how many are asked for
    for truth, reached in ((image, tuned.image), (text, tuned.text)):
        assert recall_at(index, truth, reached.effort) == pytest.approx(reached.recall, abs=0.002)


def test_texts_off_the_pictures_need_more_effort() -> None:
    units = stacked(crowded(20_000))
    index = FaissIndex.build("IVF64,SQfp16", DIMENSION, units)
    tuned = tune(index, units)
    assert tuned.text.effort.breadth > tuned.image.effort.breadth


def test_given_texts_are_measured_instead_of_made_ones() -> None:
    units = stacked(crowded(2000))
    index = FaissIndex.build("IVF16,SQfp16", DIMENSION, units)
    texts = 7 * np.random.default_rng(1).standard_normal((30, DIMENSION)).astype(np.float32)
    tuned = tune(index, units, texts=texts)
    assert (tuned.texts_given, tuned.text.queries) == (True, 30)
    assert not tune(index, units, texts=texts[:0]).texts_given


def test_a_text_without_direction_is_refused() -> None:
    units = stacked(crowded(100))
    index = FaissIndex.build("SQfp16", DIMENSION, units)
    with pytest.raises(InputError, match="embedding 0 has no direction"):
        tune(index, units, texts=np.zeros((1, DIMENSION), np.float32))


def test_a_target_out_of_reach_is_said_and_the_best_effort_kept() -> None:
    rows = crowded(20_000)
    units = stacked(rows)
    # one code of 4 bits for 16 components tells next to nothing apart
    index = FaissIndex.build("IVF2,PQ1x4fs", DIMENSION, units)
    tuned = tune(index, units)
    assert tuned.missed == ("image", "text")
    assert tuned.image.effort.proposed == PROPOSED[-1]
    assert tuned.image.recall < 0.97


def test_an_exact_index_needs_no_effort() -> None:
    units = stacked(crowded(500))
    tuned = tune(FaissIndex.build("SQfp16", DIMENSION, units), units)
    assert (tuned.image.recall, tuned.text.recall) == (1.0, 1.0)
    assert tuned.image.effort == Effort(1, 20)


def test_equal_rows_are_as_good_as_one_another() -> None:
    rows = np.repeat(crowded(10), 100, axis=0)
    units = stacked(rows)
    tuned = tune(FaissIndex.build("SQfp16", DIMENSION, units), units)
    assert (tuned.image.recall, tuned.text.recall) == (1.0, 1.0)


@pytest.mark.parametrize("count", [0, 1, 2, 11])
def test_a_gallery_with_little_to_find_is_searched_in_full(count: int) -> None:
    units = stacked(crowded(count))
    tuned = tune(FaissIndex.build("SQfp16", DIMENSION, units), units)
    assert (tuned.image.recall, tuned.text.recall) == (1.0, 1.0)


def test_a_graph_is_tuned_by_how_widely_it_is_searched() -> None:
    units = stacked(crowded(3000))
    index = FaissIndex.build("HNSW4,SQfp16", DIMENSION, units)
    tuned = tune(index, units)
    (truth,) = truths(units, [text_queries(units, None, 0)])
    assert recall_at(index, truth, Effort(10, 10)) < 0.97
    assert recall_at(index, truth, tuned.text.effort) >= 0.97


def test_breadths_rise_to_the_widest() -> None:
    assert list(breadths(1)) == [1]
    assert list(breadths(20)) == [1, 2, 3, 4, 6, 8, 12, 16, 20]


def test_among_fewer_rows_the_search_is_wider() -> None:
    assert Effort(8, 50).among(0.5) == Effort(16, 59)
    assert Effort(8, 50).among(0.0001) == Effort(80_000, 500)
    assert Effort(8, 50).among(1.0) == Effort(8, 50)


def test_a_tuning_is_kept_as_json() -> None:
    tuning = Tuning(0.97, Reached(Effort(8, 50), 0.98, 400), IDLE, texts_given=True)
    assert parse_tuning(tuning.to_json()) == tuning
    assert tuning.missed == ()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"target": 1}', "null", '{"target": Infinity}'])
def test_what_is_no_tuning_is_refused(text: str) -> None:
    with pytest.raises(CollectionError, match="search effort cannot be read"):
        parse_tuning(text)
