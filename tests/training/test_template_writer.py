"""What differs between two captions is put into plain English, the same way every time."""

import string
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from training.triplets.differences import Difference, differences
from training.triplets.instructions import COPY, Described, DescribedPair, refusal
from training.triplets.phrases import parse, with_article
from training.triplets.template_writer import (
    NO_DIFFERENCE,
    SECOND,
    TEMPLATES,
    WEIGHTS,
    TemplateWriter,
    TemplateWriterConfig,
)
from training.triplets.words import participle, singular


def captions(query: str, target: str, id: str = "") -> DescribedPair:  # noqa: A002
    return Described(caption=query, id=id), Described(caption=target)


def tagged(query: tuple[str, ...], target: tuple[str, ...]) -> DescribedPair:
    return Described(tags=query), Described(tags=target)


def told(query: str, target: str, kind: str) -> set[str]:
    """Every wording of the differences of that kind."""
    return {
        template.format(**difference.slots)
        for difference in differences(captions(query, target))
        if difference.kind == kind
        for template in TEMPLATES[kind]
    }


def kinds(pair: DescribedPair) -> set[str]:
    return {difference.kind for difference in differences(pair)}


@pytest.mark.parametrize(
    ("query", "target", "kind", "wording"),
    [
        ("A dog runs.", "A cat sleeps.", "replaced", "a cat instead of a dog"),
        ("The dogs run.", "Some cats sleep.", "replaced", "swap dogs for some cats"),
        ("A dog runs.", "A group of goats stand.", "replaced", "make it a group of goats"),
        ("A dog runs.", "Three dogs run.", "count", "three dogs instead of one"),
        ("Two dogs run.", "A dog runs.", "count", "make it a dog"),
        ("A dog runs.", "Several dogs run.", "count", "several dogs, not one"),
        ("A dog runs.", "A black and white dog runs.", "colour", "make the dog black and white"),
        ("A red car", "An orange car", "recoloured", "an orange car instead of a red one"),
        ("Two red cars", "Two blue cars", "recoloured", "two blue cars rather than red ones"),
        ("A boy on a lawn", "A boy with a green kite", "added", "now with a green kite"),
        ("A boy wearing a hat", "A boy wearing sunglasses", "added", "add sunglasses"),
        ("A boy holding a red ball", "A boy", "removed", "remove the red ball"),
        (
            "A dog runs.",
            "A dog lies next to a gravel road.",
            "place",
            "next to a gravel road instead",
        ),
        ("A dog", "A dog leaps over a fence.", "action", "now leaping over a fence"),
        ("A dog runs.", "Two boys play soccer.", "action", "the same but playing soccer"),
        ("a dog", "a cat asleep in a basket", "whole", "show a cat in a basket"),
        ("a photo of a dog", "a sketch of a dog", "medium", "turn it into a sketch"),
        ("an oil painting of a dog", "a photo of a dog", "medium", "as a photo"),
        ("a dog", "a watercolor of a dog", "medium", "as a watercolour"),
        ("a dog", "a cartoon of a horse", "medium of another", "a horse, as a cartoon"),
        ("a photo of a dog", "a photo of a dog", "another", "another dog"),
        ("elephant", "elephant", "another", "one more picture of an elephant"),
        ("water_lily", "sunflower", "replaced", "not a water lily but a sunflower"),
    ],
)
def test_a_difference_is_told_in_plain_english(
    query: str, target: str, kind: str, wording: str
) -> None:
    assert wording in told(query, target, kind)


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("A man runs.", "A person runs."),
        ("A boy runs.", "A child runs."),
        ("A dog runs.", "A puppy runs."),
        ("People run.", "Two women run."),
    ],
)
def test_words_that_may_mean_the_same_thing_are_no_change(query: str, target: str) -> None:
    assert kinds(captions(query, target)) <= {"whole"}


def test_what_the_query_already_shows_is_not_asked_for() -> None:
    pair = captions("A dog on a beach with a ball", "A dog with a ball on a beach")
    assert kinds(pair) == {"another"}


def test_a_change_of_medium_is_the_one_that_is_told() -> None:
    pair = captions("a photo of a dog on a lawn", "a sketch of a dog on a beach with a ball")
    assert differences(pair) == [Difference("medium", {"medium": "a sketch"})]


@pytest.mark.parametrize(
    ("query", "target", "expected"),
    [
        (("dog", "photo"), ("dog", "sketch"), {"medium"}),
        (("dog",), ("cat",), {"replaced", "whole"}),
        (("dog",), ("dog",), {"another"}),
        (("beach", "day"), ("beach", "night"), {"tag for tag", "tag"}),
        (("beach",), ("beach", "night"), {"tag"}),
        ((), ("cat",), {"whole"}),
        (("cat",), (), set()),
    ],
)
def test_tags_differ_as_words_do(
    query: tuple[str, ...], target: tuple[str, ...], expected: set[str]
) -> None:
    assert kinds(tagged(query, target)) == expected


def test_the_same_seed_and_pair_give_the_same_instruction_in_any_batch() -> None:
    pairs = [captions("A dog runs.", f"A cat beside {number} trees.") for number in range(2, 9)]
    writer = TemplateWriter(TemplateWriterConfig(seed=3))
    together = writer.write(pairs)
    assert together == [
        TemplateWriter(TemplateWriterConfig(seed=3)).write([pair])[0] for pair in pairs
    ]
    assert together == writer.write(pairs)
    assert together != TemplateWriter(TemplateWriterConfig(seed=4)).write(pairs)


def test_pictures_of_which_the_same_is_said_get_varied_instructions() -> None:
    pairs = [captions("a photo of a dog", "a photo of a cat", str(row)) for row in range(200)]
    written = TemplateWriter(TemplateWriterConfig()).write(pairs)
    assert len(set(written)) > 10
    assert "a photo of a cat" not in written and None not in written


def test_a_second_change_may_follow_the_first() -> None:
    pairs = [captions("A dog runs.", "A cat on a sofa.", str(row)) for row in range(100)]
    written = TemplateWriter(TemplateWriterConfig()).write(pairs)
    assert "a cat instead of a dog, on a sofa" in written


def test_a_pair_without_a_difference_is_counted() -> None:
    writer = TemplateWriter(TemplateWriterConfig())
    pairs = [(Described(), Described()), captions("A dog runs.", "")]
    assert writer.write(pairs) == [None, None] and writer.refused == {NO_DIFFERENCE: 2}


def test_a_pair_whose_every_wording_is_said_already_is_counted_by_that_reason() -> None:
    pair = tagged(("cat", "in the park"), ("cat", "night"))
    wordings = {
        template.format(**difference.slots)
        for difference in differences(pair)
        for template in TEMPLATES[difference.kind]
    }
    said = (Described(tags=("cat", "in the park"), alt=""), Described(tags=("cat", "night")))
    assert all(refusal(wording, *said, 24) is None for wording in wordings)

    writer = TemplateWriter(TemplateWriterConfig())
    told_already = Described(tags=("cat", "in the park", *wordings))
    written = writer.write([(told_already, pair[1])])
    assert written == [None] and writer.refused == {COPY: 1}


def test_no_instruction_has_more_words_than_allowed() -> None:
    target = "A very small brown and white dog with a long blue leash beside a big old red truck"
    pairs = [captions("A cat sleeps.", target, str(row)) for row in range(50)]
    for instruction in TemplateWriter(TemplateWriterConfig(most_words=6)).write(pairs):
        assert instruction is None or len(instruction.split()) <= 6


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=80),
    st.lists(
        st.sampled_from(
            ["a", "the", "two", "dog", "dogs", "in", "of", "and", "black", "runs", ",", "'s"]
        )
    ),
)
def test_any_text_is_read_and_every_instruction_is_usable(odd: str, words: list[str]) -> None:
    writer = TemplateWriter(TemplateWriterConfig())
    for query, target in product([odd, " ".join(words), "A cat sleeps."], repeat=2):
        pair = captions(query, target)
        (instruction,) = writer.write([pair])
        assert instruction is None or refusal(instruction, *pair, 24) is None


def test_a_text_of_any_length_is_read() -> None:
    assert parse("a pile of " * 100_000).things


def test_every_kind_has_templates_and_a_weight() -> None:
    assert TEMPLATES.keys() == WEIGHTS.keys() and SECOND.keys() <= TEMPLATES.keys()
    for templates in TEMPLATES.values():
        assert len(set(templates)) == len(templates) >= 4
        assert all(any(name for _, name, *_ in string.Formatter().parse(t)) for t in templates)


@pytest.mark.parametrize(
    ("text", "things", "places", "action"),
    [
        (
            "A black dog is running after a white dog in the snow .",
            ["a black dog"],
            ["in the snow"],
            "running after a white dog in the snow",
        ),
        ("A little baby plays croquet .", ["a little baby"], [], "playing croquet"),
        (
            "Two dogs chase a third dog with a toy .",
            ["two dogs", "a third dog", "a toy"],
            [],
            "chasing a third dog with a toy",
        ),
        (
            "A man watches birds at night",
            ["a man", "birds"],
            ["at night"],
            "watching birds at night",
        ),
        ("A girl looking at a horse", ["a girl"], [], "looking at a horse"),
        ("A brown haired boy in a red t-shirt", ["a brown haired boy"], ["in a red t-shirt"], ""),
        ("a boy with a ball in his hand", ["a boy", "a ball"], [], ""),
        ("The swimming pool", ["the swimming pool"], [], ""),
        ("A few men sit .", ["a few men"], [], "sitting"),
    ],
)
def test_a_caption_is_read_into_things_places_and_an_action(
    text: str, things: list[str], places: list[str], action: str
) -> None:
    scene = parse(text)
    assert [str(thing) for thing in scene.things] == things
    assert [f"{preposition} {thing}" for preposition, thing in scene.places] == places
    assert scene.action == action


def test_nouns_and_verbs_change_by_their_spelling() -> None:
    assert [singular(word) for word in ("dogs", "puppies", "benches", "grass", "men")] == [
        "dog",
        "puppy",
        "bench",
        "grass",
        "man",
    ]
    verbs = ("runs", "chases", "watches", "lies", "plays", "carry", "sit", "ski", "squat")
    assert [participle(verb) for verb in verbs] == [
        "running",
        "chasing",
        "watching",
        "lying",
        "playing",
        "carrying",
        "sitting",
        "skiing",
        "squatting",
    ]
    assert [with_article(noun) for noun in ("owl", "unicycle", "hour", "house")] == [
        "an owl",
        "a unicycle",
        "an hour",
        "a house",
    ]


def test_a_configuration_that_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 4"):
        TemplateWriterConfig(most_words=1)
