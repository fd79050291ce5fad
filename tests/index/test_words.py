import numpy as np
import pytest

from index.items import Item
from index.searching.words import MAX_WORDS, tiers, words_of
from tests.index.facts import at, catalogue_of, gallery_of, item

TRIP = [
    item(0, at("trip/IMG_2041.jpg", "Two dogs play in the snow")),
    item(1, at("trip/IMG_2042.jpg", "Snow, and a dog in more snow")),
    item(2, at("zoo/IMG_2043.jpg", "Zoë looks at a camel")),
    item(3, at("zoo/camel.jpg"), at("trip/copy.jpg", "A camel in the snow")),
]


def found(items: list[Item], text: str) -> list[list[int]]:
    """The numbers of the items with all the words, and of the others with any."""
    gallery = gallery_of(items)
    return [
        [int(id_, 16) for id_ in gallery.ids(tier.rows)]
        for tier in tiers(catalogue_of(items), gallery, text)
    ]


@pytest.mark.parametrize(
    ("text", "having_all", "having_any"),
    [
        ("camel", [3, 2], []),
        ("IMG_2041", [0], []),
        ("img_2041.JPG", [0], []),
        ("2042", [1], []),
        ("zoe", [2], []),
        ("ZOË", [2], []),
        ("snow dogs", [0], [1, 3]),
        ("dogs elephant", [], [0]),
        ("zoo snow", [], [2, 3, 1, 0]),
        ("elephant", [], []),
        ("dog", [1], []),
    ],
)
def test_words_are_found_in_captions_and_paths(
    text: str, having_all: list[int], having_any: list[int]
) -> None:
    first, second = found(TRIP, text)
    assert (sorted(first), sorted(second)) == (sorted(having_all), sorted(having_any))


def test_all_the_words_must_be_of_one_occurrence() -> None:
    apart = [item(0, at("red.jpg"), at("green.jpg")), item(1, at("red/green.jpg"))]
    assert found(apart, "red green") == [[1], [0]]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('snow" OR "camel', "snow or camel"),
        ("snow AND NOT NEAR", "snow and not near"),
        ("caption : snow", "caption snow"),
        ("snow*", "snow"),
        ("sno*", "sno"),
        ("^snow", "snow"),
        ("NEAR( snow camel, 2)", "near snow camel 2"),
        ("{caption path} : snow", "caption path snow"),
        ("snow + camel", "snow camel"),
        ("'snow'; DROP TABLE words; --", "snow drop table words"),
    ],
)
def test_no_text_is_syntax(text: str, meant: str) -> None:
    assert found(TRIP, text) == found(TRIP, meant)


@pytest.mark.parametrize(
    "text",
    [
        *('"', '""', "😀", "\0", "\ud800", "-", "", " "),
        *("x" * 4_000, "x " * 2_000, '"' * 4_000, "(" * 4_000),
        " ".join(map(str, range(800))),
    ],
)
def test_any_text_may_be_asked(text: str) -> None:
    assert found(TRIP, text) == [[], []]


def test_marks_alone_are_no_words() -> None:
    assert found(TRIP, "😀 zoe - !") == [[2], []]


def test_what_is_rare_weighs_more_and_a_caption_more_than_a_path() -> None:
    items = [
        item(0, at("a.png", "sky sea")),
        item(1, at("b.png", "sky sky")),
        item(2, at("c.png", "sky sea")),
        item(3, at("d.png", "storm sea")),
        item(4, at("sky/storm.png", "an old map")),
        item(5, at("e.png", "nothing at all")),
        item(6, at("f.png", "nothing else")),
        item(7, at("g.png", "no more")),
    ]
    having_any = found(items, "storm sky unknown")[1]
    assert set(having_any[:2]) == {3, 4} and set(having_any[2:]) == {0, 1, 2}
    assert found(items, "storm")[0] == [3, 4]


def test_the_score_is_bm25_of_the_best_occurrence_squeezed_by_what_it_has() -> None:
    items = [item(0, at("a.png", "dog cat")), item(1, at("b.png", "dog")), item(2, at("c.png"))]
    items += [item(number, at(f"{number}.png", "no word")) for number in range(3, 9)]
    having_all, having_any = tiers(catalogue_of(items), gallery_of(items), "dog cat")
    assert having_all.rows.shape == having_any.rows.shape == (1,)
    assert 1 < having_all.scores[0] < 2
    # by https://www.sqlite.org/fts5.html: k1 = 1.2, b = 0.75; 9 rows, 2 of them with the word,
    # which stands once, weighing 2, in 3 of 3.33 tokens (31 in all: a.png is two)
    tokens, mean = 3, (4 + 3 + 2 + 6 * 4) / 9
    idf = np.log((9 - 2 + 0.5) / (2 + 0.5))
    bm25 = idf * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * tokens / mean))
    assert having_any.scores[0] == pytest.approx(bm25 / (1 + bm25))


def test_ties_are_in_order_of_ids_and_an_item_comes_once() -> None:
    items = [
        item(number, *(at(f"{number}/{copy}.png", "same") for copy in range(3)))
        for number in range(20)
    ]
    ranked = next(tiers(catalogue_of(items), gallery_of(items), "same"))
    assert [int(id_, 16) for id_ in gallery_of(items).ids(ranked.rows)] == list(range(20))
    assert len(set(ranked.scores.tolist())) == 1


def test_the_others_are_not_looked_for_unless_they_are_asked_for() -> None:
    database = catalogue_of(TRIP)
    next(tiers(database, gallery_of(TRIP), "snow dogs"))
    assert len(database.asked) == 1


def test_a_word_that_is_common_finds_no_others() -> None:
    items = [*(item(number, at(f"{number}", "in")) for number in range(6)), item(6, at("rare"))]

    def others(common: int) -> list[int]:
        gallery = gallery_of(items)
        _, having_any = tiers(catalogue_of(items), gallery, "in rare", common)
        return sorted(int(id_, 16) for id_ in gallery.ids(having_any.rows))

    assert (others(common=6), others(common=5)) == ([0, 1, 2, 3, 4, 5, 6], [6])


def test_words_are_told_apart_by_spaces_and_count_once() -> None:
    assert words_of(" a  b\ta\n'c d' ") == ["a", "b", "'c", "d'"]


def test_only_the_first_words_of_a_long_text_count() -> None:
    others = " ".join(map(str, range(MAX_WORDS)))
    assert found(TRIP, f"{others} camel") == [[], []]
    assert found(TRIP, f"camel {others}")[1] == [3, 2]
