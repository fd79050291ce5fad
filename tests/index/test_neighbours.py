"""The nearest rows, whatever index proposes them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.collection import Collection
from index.faiss import FaissIndex, exact_index
from index.job import JobOptions, Report, build_collection
from index.jobs.building import IndexOptions
from index.search import search
from index.vectors.choosing import Budget
from index.vectors.effort import Effort, Reached, Tuning
from index.vectors.indexes import settings_of, tuning_of
from index.vectors.neighbours import Mask, Neighbours, TunedIndex
from index.vectors.units import StackedUnits
from index.verifying.verify import verify
from models.errors import InputError
from models.query import single
from models.vectors import unit
from tests.fakes import ColourEncoder
from tests.index.album import execute, save, source
from tests.index.galleries import random_vectors

ROWS, DIMENSION = 600, 16


def tuning(breadth: int, proposed: int, recall: float = 1.0) -> Tuning:
    reached = Reached(Effort(breadth, proposed), recall, 100)
    return Tuning(0.97, reached, reached, texts_given=False)


@pytest.fixture(scope="module")
def units() -> StackedUnits:
    rows = random_vectors(np.random.default_rng(3), ROWS, DIMENSION)
    stored = unit(rows)[0].astype(np.float16)
    return StackedUnits([stored[:400], stored[400:]])


def approximate(units: StackedUnits, factory: str = "IVF8,PQ8x4fs") -> TunedIndex:
    """All lists are probed and half of the rows proposed: only the codes are approximate."""
    return TunedIndex(FaissIndex.build(factory, DIMENSION, units), tuning(8, ROWS // 2))


def truth(units: StackedUnits, vector: np.ndarray, k: int, among: Mask | None = None) -> list[int]:
    scores = units.take(np.arange(ROWS)).astype(np.float64) @ vector.astype(np.float64)
    if among is not None:
        scores[~among] = -np.inf
    found: list[int] = np.argsort(-scores)[:k].tolist()
    return found


def test_what_codes_propose_comes_back_in_the_true_order(units: StackedUnits) -> None:
    vectors = unit(random_vectors(np.random.default_rng(4), 20, DIMENSION))[0]
    neighbours = Neighbours(units, approximate(units))
    assert not neighbours.exact
    for vector, (scores, rows) in zip(
        vectors, neighbours.nearest(vectors, 5, "image", None), strict=True
    ):
        assert rows.tolist() == truth(units, vector, 5)
        assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("factory", ["IVF8,PQ8x4fs", "PQ8x4fs"])  # which takes no selector
def test_among_some_rows_only_these_are_found_whatever_the_index_takes(
    units: StackedUnits, factory: str
) -> None:
    among = np.zeros(ROWS, dtype=np.bool_)
    among[::7] = True
    (vector,) = unit(random_vectors(np.random.default_rng(5), 1, DIMENSION))[0]
    neighbours = Neighbours(units, approximate(units, factory))
    ((_, rows),) = neighbours.nearest(vector[None], 6, "text", among)
    assert rows.tolist() == truth(units, vector, 6, among)


def test_rows_beside_the_index_are_found_with_those_that_it_covers(units: StackedUnits) -> None:
    covered = StackedUnits([units.take(np.arange(400))])
    index = TunedIndex(FaissIndex.build("IVF4,PQ8x4fs", DIMENSION, covered), tuning(4, 400))
    beside = exact_index(DIMENSION, [units.take(np.arange(400, ROWS))])
    vectors = unit(random_vectors(np.random.default_rng(6), 10, DIMENSION))[0]
    found = Neighbours(units, index, beside).nearest(vectors, 30, "text", None)
    for vector, (_, rows) in zip(vectors, found, strict=True):
        assert rows.tolist() == truth(units, vector, 30)


def test_among_no_rows_there_is_nothing(units: StackedUnits) -> None:
    nothing = np.zeros(ROWS, dtype=np.bool_)
    vector = np.ones((1, DIMENSION), np.float32)
    ((scores, rows),) = Neighbours(units, approximate(units)).nearest(vector, 5, "text", nothing)
    assert (len(scores), len(rows)) == (0, 0)


def test_a_search_for_more_hits_and_among_fewer_rows_looks_harder() -> None:
    index = TunedIndex(exact_index(2, []), tuning(10, 100))
    assert index.effort("image", 20, 1.0) == Effort(10, 100)
    assert index.effort("image", 80, 1.0) == Effort(20, 400)
    assert index.effort("image", 20, 0.5) == Effort(20, 119)


def test_settings_come_back_as_they_were_kept() -> None:
    kept = tuning(3, 40, recall=0.5)
    assert tuning_of(settings_of("IVF8,Flat", kept)) == kept
    assert tuning_of(settings_of("Flat", None)) is None


def run(out: Path, photos: Path, index: IndexOptions) -> Report:
    options = JobOptions(threads=1, batch_size=16, index=index)
    return build_collection(
        out, [source(photos)], ColourEncoder(), model="colours", options=options
    )


def test_a_collection_is_searched_by_the_index_that_was_asked_for_and_told_its_recall(
    tmp_path: Path,
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    for number in range(60):
        save(photos, f"{number:02}.png", (4 * number, 255 - 4 * number, 90))
    run(out, photos, IndexOptions())
    assert hits(out) == hits(out)
    exact = hits(out)
    report = run(out, photos, IndexOptions("HNSW8"))
    assert report.generation == 2
    assert hits(out) == exact
    assert verify(out) == ()
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        (index,) = snapshot.statistics().indexes
    collection.close()
    assert (index.factory, index.recall_image) == ("HNSW8", 1.0)


def test_an_index_that_finds_less_than_was_asked_for_is_told(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    for number in range(60):
        save(photos, f"{number:02}.png", (4 * number, 255 - 4 * number, 90))
    assert run(out, photos, IndexOptions()).warnings == ()
    run(out, photos, IndexOptions("HNSW8"))
    reached = replace(tuning(1, 10).image, recall=0.43)
    execute(
        out,
        "UPDATE indexes SET settings = ?",
        settings_of("HNSW8", replace(tuning(1, 10), text=reached)),
    )
    (warning,) = run(out, photos, IndexOptions("HNSW8")).warnings
    assert warning.startswith(
        "the index finds 0.43 of the ten nearest to text queries, and 0.97 were"
    )


def hits(out: Path) -> list[str]:
    (row,) = ColourEncoder().encode_texts(["green"])
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        page = search(snapshot, single(snapshot.spaces[0], row), limit=5)
    collection.close()
    return [hit.id for hit in page.hits]


def test_an_index_that_finds_less_than_when_it_was_built_is_a_fault(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    for number in range(120):
        save(photos, f"{number:03}.png", (2 * number, 255 - 2 * number, number % 7))
    run(out, photos, IndexOptions("IVF16,Flat"))
    narrow = settings_of("IVF16,Flat", tuning(1, 1))
    execute(out, "UPDATE indexes SET settings = ?", narrow)
    assert any("of the ten nearest, 1.000 when built" in fault for fault in verify(out))


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (IndexOptions("IVFwhat"), "IVFwhat"),
        (IndexOptions(None, Budget(recall=0)), "recall is 0"),
    ],
)
def test_an_index_that_cannot_be_is_refused_before_anything_is_read(
    tmp_path: Path, index: IndexOptions, said: str
) -> None:
    save(tmp_path / "photos", "red.png", "red")
    with pytest.raises(InputError, match=said):
        run(tmp_path / "out", tmp_path / "photos", index)
    assert not (tmp_path / "out").exists()
