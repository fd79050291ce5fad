"""A report on a user's own collection: the answers are worked out by hand on plain colours."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.collection.exact import index_recall, nearest_similarities, ranks
from evaluation.collection.findings import CollectionReport, IndexRecall
from evaluation.collection.report import report_on
from index.collection import Collection
from index.faiss import NO_EFFORT, Nearest
from index.gallery import Gallery, Held
from index.items import item_id
from index.vectors.effort import Effort
from index.vectors.neighbours import TunedIndex
from models.errors import InputError, SpaceError
from models.vectors import Embeddings, unit
from tests.fakes import ColourEncoder, ShadeEncoder, picture_bytes
from tests.index.album import build, save
from tests.index.galleries import numbered, random_vectors, segment, space

# blue's caption is wrong on purpose
CAPTIONS = {"red": "red", "green": "green", "blue": "yellow", "white": "white"}


def album(folder: Path, captions: dict[str, str] = CAPTIONS) -> Path:
    for colour, caption in captions.items():
        save(folder, f"{colour}.png", colour)
        if caption:
            (folder / f"{colour}.txt").write_text(caption)
    return folder


def report(
    tmp_path: Path,
    *lines: object,
    encoder: ColourEncoder | None = None,
    sample: int = 1000,
    seed: int = 0,
) -> CollectionReport:
    """On what `album` has put into `photos`; the lines are queries."""
    encoder = encoder or ColourEncoder()
    build(tmp_path / "out", tmp_path / "photos", encoder=encoder)
    queries = None
    if lines:
        queries = tmp_path / "queries.jsonl"
        texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
        queries.write_text("\n".join(texts) + "\n")
    collection = Collection.open(tmp_path / "out")
    try:
        return report_on(
            collection, encoder, queries=queries, sample=sample, seed=seed, announce=lambda _: None
        )
    finally:
        collection.close()


def test_captions_are_judged_by_whether_they_find_their_own_picture(tmp_path: Path) -> None:
    album(tmp_path / "photos")
    captions = report(tmp_path).captions
    assert captions is not None
    # yellow is nearest to white, then to red and green, which are equal, and last to blue
    assert captions.captions == 4
    assert captions.among_all.recall == {"R@1": 0.75, "R@5": 1, "R@10": 1}
    assert captions.among_all.median == 1
    assert captions.among_alike.recall["R@1"] == 0.75
    (worst,) = captions.worst
    assert (worst.path, worst.caption, worst.rank, worst.rank_among_alike) == (
        "blue.png",
        "yellow",
        4,
        4,
    )
    assert worst.id == item_id(picture_bytes("blue"))


def test_pictures_that_a_caption_cannot_tell_apart_go_before_its_own(tmp_path: Path) -> None:
    album(tmp_path / "photos", {"red": "red", "green": ""})
    save(tmp_path / "photos", "again.png", "red", (20, 20))  # the same colour, another file
    captions = report(tmp_path).captions
    assert captions is not None
    assert (captions.captions, captions.worst[0].rank, captions.worst[0].rank_among_alike) == (
        1,
        2,
        2,
    )


def test_captions_are_compared_in_the_space_of_texts_and_look_alikes_in_that_of_pictures(
    tmp_path: Path,
) -> None:
    album(tmp_path / "photos")
    found = report(tmp_path, encoder=ShadeEncoder())
    assert found.captions is not None and found.duplicates is not None
    assert found.captions.among_all.recall["R@1"] == 0.75
    # red, green and blue are equally bright; white's nearest in (brightness, 1) is
    # (1, 1) against (1/3, 1): 4/3 / (sqrt(2) sqrt(10/9)) = 0.894
    assert found.duplicates.share == 0.75
    assert len(found.duplicates.pairs) >= 2


def test_near_duplicates_are_pairs_with_their_paths(tmp_path: Path) -> None:
    album(tmp_path / "photos")
    save(tmp_path / "photos" / "trip", "red-again.png", (250, 0, 0))
    found = report(tmp_path)
    duplicates = found.duplicates
    assert duplicates is not None
    # two of five pictures are near each other
    assert (duplicates.pictures, duplicates.share, duplicates.cosine) == (5, 0.4, 0.97)
    (pair,) = duplicates.pairs
    assert {*pair.paths} == {"red.png", "trip/red-again.png"}
    assert 0.999 < pair.cosine <= 1
    assert any("trip/red-again.png" in line for line in found.lines())


def test_an_exact_index_finds_all_that_is_nearest(tmp_path: Path) -> None:
    album(tmp_path / "photos")
    index = report(tmp_path).index
    everything = {"R@10": 1.0, "R@100": 1.0}
    assert index == {"text": IndexRecall(4, everything), "image": IndexRecall(4, everything)}


class Forgetful:
    """Proposes every second of the nearest."""

    def __init__(self, units: NDArray[np.float16]) -> None:
        self._units = units.astype(np.float32)

    def __len__(self) -> int:
        return len(self._units)

    @property
    def takes_selector(self) -> bool:
        return False

    def search(
        self,
        vectors: Embeddings,
        k: int,
        *,
        effort: Effort = NO_EFFORT,
        among: NDArray[np.bool_] | None = None,
    ) -> Sequence[Nearest]:
        found = []
        for vector in vectors:
            scores = self._units @ vector
            rows = np.argsort(-scores)[::2][:k]
            found.append((scores[rows], rows))
        return found


def test_what_an_approximate_index_misses_is_counted() -> None:
    generator = np.random.default_rng(1)
    part = segment(random_vectors(generator, 400, 8), numbered(400))
    gallery = Gallery(1, (space(8),), Held([part], [TunedIndex(Forgetful(part.vectors[0].units))]))
    vectors = unit(random_vectors(generator, 20, 8))[0]
    recall = index_recall(gallery, space(8), vectors, (10, 100))
    # of the first 10 it has the first, third, ..., and its others are further away
    assert recall == {10: 0.5, 100: 0.5}
    lines = IndexRecall(20, {"R@10": 0.5, "R@100": 0.5}).lines("text")
    assert "50.0% (R@10) and 50.0% (R@100)" in next(lines)
    assert "miss" in next(lines)


def test_of_equal_pictures_any_will_do_for_the_index() -> None:
    part = segment(np.ones((30, 4)), numbered(30))
    gallery = Gallery(1, (space(4),), Held([part], [TunedIndex(Forgetful(part.vectors[0].units))]))
    vectors = unit(np.ones((1, 4), dtype=np.float32))[0]
    assert index_recall(gallery, space(4), vectors, (10,)) == {10: 1}


def test_exact_search_agrees_with_sorting_every_similarity() -> None:
    generator = np.random.default_rng(2)
    rows = random_vectors(generator, 5000, 6)  # of two chunks
    part = segment(rows, numbered(5000))
    units = part.vectors[0].units.astype(np.float64)
    gallery = Gallery(1, (space(6),), Held([part], [TunedIndex(Forgetful(part.vectors[0].units))]))
    vectors = unit(random_vectors(generator, 1100, 6))[0]  # and of two blocks
    scores = vectors.astype(np.float64) @ units.T
    found = nearest_similarities(gallery, space(6), vectors, 7)
    np.testing.assert_allclose(found, -np.sort(-scores, axis=1)[:, :7], atol=1e-12)
    own = generator.integers(0, 5000, 1100)
    mine = scores[np.arange(1100), own]
    expected = np.sum(scores > mine[:, None] + 1e-9, axis=1) + 1
    # equal within 1e-6 goes before
    assert np.all(ranks(gallery, space(6), vectors, own) >= expected)
    assert np.mean(ranks(gallery, space(6), vectors, own) == expected) > 0.95


def test_expected_answers_are_counted_by_kind_of_query(tmp_path: Path) -> None:
    photos = album(tmp_path / "photos")
    (tmp_path / "asked.png").write_bytes(picture_bytes("yellow"))
    found = report(
        tmp_path,
        {"text": "red", "relevant": ["red.png"]},
        {"text": "yellow", "relevant": ["blue.png", item_id(picture_bytes("white"))]},
        {"text": "green"},
        {"image": "asked.png", "relevant": ["red.png"]},
        {"image": str(photos / "red.png"), "relevant": ["green.png"]},
        {"image": str(photos / "red.png"), "relevant": ["red.png"]},
    )
    text, image = found.answers["text"], found.answers["image"]
    assert (text.queries, image.queries) == (2, 3)
    assert text.metrics["R@1"] == 1
    # yellow: white first, blue last: (1/1 + 2/4) / 2
    assert text.metrics["mAP@100"] == pytest.approx((1 + 0.75) / 2)
    # the yellow picture finds white before red and green; the red one leaves its own ranking, in
    # which white comes before green; but not where it is what should be found
    assert image.metrics["R@1"] == pytest.approx(1 / 3)
    assert image.metrics["R@5"] == 1
    assert image.missed == ()
    assert found.index["text"].queries == 3
    assert found.index["image"].queries == 3
    assert found.counts["queries"] == 6


def test_what_was_expected_and_is_not_on_the_first_page_is_listed(tmp_path: Path) -> None:
    photos = album(tmp_path / "photos")
    for green in range(11):
        save(photos, f"olive-{green}.png", (255, 200 + green, 0))
    found = report(tmp_path, {"text": "red"}, {"text": "yellow", "relevant": ["blue.png"]})
    (missed,) = found.answers["text"].missed
    # eleven olives, white, red and green come before blue
    assert (missed.line, missed.query, missed.rank) == (2, "yellow", 15)
    assert any("rank 15: line 2: 'yellow'" in line for line in found.lines())


def test_a_sample_is_the_same_for_one_seed(tmp_path: Path) -> None:
    photos = album(tmp_path / "photos")
    for blue in range(40):
        save(photos, f"{blue}.png", (0, 50, 100 + blue))
        (photos / f"{blue}.txt").write_text("blue")
    first, again = (report(tmp_path, sample=5, seed=3) for _ in range(2))
    assert (first.captions, first.duplicates, first.index) == (
        again.captions,
        again.duplicates,
        again.index,
    )
    assert first.counts["captioned"] == 44
    assert first.counts["drawn_captions"] == first.counts["drawn_pictures"] == 5
    assert first.captions != report(tmp_path, sample=5, seed=4).captions


def test_latency_is_given_for_text_and_image_queries(tmp_path: Path) -> None:
    album(tmp_path / "photos")
    latency = report(tmp_path).latency
    assert latency.keys() == {"text", "image"}
    for each in latency.values():
        assert each.queries == 4
        assert 0 < each.p50_ms <= each.p99_ms


def test_a_collection_without_captions_is_reported_on_without_them(tmp_path: Path) -> None:
    album(tmp_path / "photos", {"red": "", "blue": ""})
    found = report(tmp_path)
    assert found.captions is None
    assert [*found.index] == [*found.latency] == ["image"]
    assert "Captions: no picture has one." in found.lines()


def test_a_single_picture_has_no_near_duplicate(tmp_path: Path) -> None:
    album(tmp_path / "photos", {"red": "red"})
    found = report(tmp_path)
    assert found.duplicates is not None
    assert (found.duplicates.share, found.duplicates.pairs) == (0, ())


def test_captions_that_the_model_cuts_are_counted(tmp_path: Path) -> None:
    album(tmp_path / "photos", {"red": "red " * 65, "blue": "blue"})
    found = report(tmp_path)
    assert found.captions is not None and found.captions.too_long == 1
    assert any("1 are longer than the model reads" in line for line in found.lines())


def test_a_report_is_json_and_its_shares_have_names(tmp_path: Path) -> None:
    album(tmp_path / "photos")
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    found = report(tmp_path, {"text": "red", "relevant": ["red.png"]})
    assert json.loads(json.dumps(asdict(found)))["counts"]["failures"] == 1
    metrics = found.metrics()
    assert metrics["index.text/R@10"] == metrics["text/R@1"] == metrics["text/mAP@100"] == 1
    assert metrics["captions/R@1"] == metrics["captions.alike/R@1"] == 0.75
    assert metrics["near_duplicates"] == 0
    assert all(0 <= value <= 1 for value in metrics.values())
    text = "\n".join(found.lines())
    assert "4 pictures, 4 of them with a caption; 1 files could not be taken" in text
    assert "rank 4, 4 among those alike: blue.png: 'yellow'" in text


def test_a_model_of_other_spaces_is_refused(tmp_path: Path) -> None:
    build(tmp_path / "out", album(tmp_path / "photos"))
    collection = Collection.open(tmp_path / "out")
    other = ColourEncoder(revision="f" * 16)
    with pytest.raises(SpaceError, match=r"colours@f+/4, the collection of colours@0123"):
        report_on(collection, other, queries=None, announce=lambda _: None)
    collection.close()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: not JSON"),
        ("[]", "line 1: expected an object"),
        ({"text": "red", "image": "a.png"}, "line 1: expected either 'text' or 'image'"),
        ({"relevant": ["red.png"]}, "line 1: expected either 'text' or 'image'"),
        ({"text": 7}, "line 1: 'text' is a int"),
        ({"text": " "}, "line 1: 'text' is empty"),
        ({"text": "red", "relevent": []}, "line 1: has 'relevent', expected text or image"),
        ({"text": "red", "relevant": []}, "line 1: 'relevant': 0 values"),
        ({"text": "red", "relevant": "red.png"}, "line 1: 'relevant': expected a list of str"),
        ({"text": "red", "relevant": ["gone.png"]}, "line 1: 'relevant': .* no path 'gone.png'"),
    ],
)
def test_queries_that_do_not_fit_are_refused(tmp_path: Path, line: object, message: str) -> None:
    album(tmp_path / "photos")
    with pytest.raises(InputError, match=rf"queries\.jsonl, {message}"):
        report(tmp_path, line)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot be read: No such file"), (b"no", "not a picture")]
)
def test_a_picture_that_cannot_be_asked_with_is_named(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    album(tmp_path / "photos")
    if content is not None:
        (tmp_path / "asked.png").write_bytes(content)
    with pytest.raises(InputError, match=rf"asked\.png: {message}"):
        report(tmp_path, {"image": "asked.png"})


def test_a_path_that_two_sources_have_is_no_answer(tmp_path: Path) -> None:
    album(tmp_path / "photos")
    save(tmp_path / "other", "red.png", (200, 0, 0))
    build(tmp_path / "out", tmp_path / "photos", tmp_path / "other")
    collection = Collection.open(tmp_path / "out")
    queries = tmp_path / "queries.jsonl"
    queries.write_text('{"text": "red", "relevant": ["red.png"]}\n')
    with pytest.raises(InputError, match=r"'red\.png' is in several sources: write an id"):
        report_on(collection, ColourEncoder(), queries=queries, announce=lambda _: None)
    collection.close()


def test_an_empty_sample_is_refused(tmp_path: Path) -> None:
    album(tmp_path / "photos")
    with pytest.raises(InputError, match="sample is 0, expected 1 or more"):
        report(tmp_path, sample=0)
