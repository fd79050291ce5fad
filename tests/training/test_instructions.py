"""Which answers are instructions, and why the others are not."""

import pytest

from training.triplets import instructions
from training.triplets.instructions import Described, refusal, tidied

QUERY = Described(caption="A dog runs.", title="Our dog", tags=("black dog",))
TARGET = Described(caption="A dog on a beach.", alt="Rex's day at the sea")


@pytest.mark.parametrize(
    "answer",
    [
        "on a beach",
        "the same dog, but on a beach at night",
        "I want to see it on a beach",
        "don't show the lead, show the dog's collar",
        "with 3 dogs instead of one",
        "show it as a line drawing (black & white)",
        "without anyone saying sorry",
        "auf einem Strand, mit Möwen",
        "a tag that reads: “Rex”",
    ],
)
def test_a_plain_line_of_words_is_usable(answer: str) -> None:
    assert refusal(answer, QUERY, TARGET, 12) is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", instructions.EMPTY),
        ("on a beach\nby night", instructions.SEVERAL_LINES),
        ("on a beach\u2028by night", instructions.SEVERAL_LINES),
        ("on a \x07 beach", instructions.NOT_PRINTABLE),
        ("on a \ud800 beach", instructions.NOT_PRINTABLE),
        ("beach", instructions.TOO_SHORT),
        ("?! ... --", instructions.TOO_SHORT),
        ("one two three four five six seven eight nine ten more", instructions.TOO_LONG),
        ("a " + "long" * 100, instructions.TOO_LONG),
        ("I'm sorry, I can't do that", instructions.DECLINES),
        ("I cannot write this", instructions.DECLINES),
        ("Sorry, no", instructions.DECLINES),
        ("As an AI I have no eyes", instructions.DECLINES),
        ("this language model cannot see", instructions.DECLINES),
        ('{"text": "on a beach"}', instructions.MARKUP),
        ("```on a beach```", instructions.MARKUP),
        ("<b>on a beach</b>", instructions.MARKUP),
        ("**on a beach**", instructions.MARKUP),
        ("1. on a beach", instructions.MARKUP),
        ("- on a beach", instructions.MARKUP),
        ("on a beach\\nby night", instructions.MARKUP),
        ("like the target image", instructions.NAMES_THE_PAIR),
        ("turn picture 1 into a beach", instructions.NAMES_THE_PAIR),
        ("a dog on a beach", instructions.COPY),
        ("A DOG RUNS!", instructions.COPY),
        ("rex\u2019s day, at the sea", instructions.COPY),
        ("our dog", instructions.COPY),
        ("Black dog", instructions.COPY),
    ],
)
def test_each_refusal_has_its_reason(answer: str, reason: str) -> None:
    assert refusal(tidied(answer), QUERY, TARGET, 10) == reason


@pytest.mark.parametrize(
    "answer",
    [
        '"on a beach"',
        "  on a beach \n",
        "“on a beach”",
        "Instruction: on a beach",
        'Instruction: "on a beach"',
        "'on a beach'",
    ],
)
def test_what_models_put_around_an_instruction_is_taken_off(answer: str) -> None:
    assert tidied(answer) == "on a beach"


def test_a_pictures_text_is_its_caption_else_its_alt_else_its_title() -> None:
    assert Described(alt="alt", caption="caption", title="title").text == "caption"
    assert Described(alt="alt", title="title").text == "alt"
    assert Described(title="title").text == "title"
    assert Described(tags=("tag",)).text == ""
