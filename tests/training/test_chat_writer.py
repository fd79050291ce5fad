"""A chat endpoint is asked once a question, and its usable answers are the instructions."""

import threading
from pathlib import Path

import pytest

from tests.training.chat_server import (
    PAIR,
    Behaviour,
    Endpoint,
    Exchange,
    completion,
    pairs,
    says,
    sends,
    settings,
)
from training.triplets import chat_client, chat_writer, instructions
from training.triplets.chat_writer import ChatWriter
from training.triplets.instructions import Described


def test_an_answer_is_the_instruction(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.script = [says("on a beach instead")]
    writer = ChatWriter(settings(endpoint), tmp_path / "answers.jsonl")
    assert writer.write([PAIR]) == ["on a beach instead"]
    assert not writer.refused and endpoint.paths == ["/v1/chat/completions"]


def test_model_prompt_examples_and_texts_are_what_is_asked(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    example = {
        "query": {"caption": "a cup"},
        "target": {"alt": "two cups", "tags": ["kitchen", "blue"]},
        "instruction": "two of them",
    }
    config = settings(
        endpoint, prompt="Be brief.", examples=[example], parameters={"temperature": 0}
    )
    ChatWriter(config, tmp_path / "answers.jsonl").write([PAIR])
    assert endpoint.asked == [
        {
            "model": "small",
            "temperature": 0,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {
                    "role": "user",
                    "content": "First picture\ncaption: a cup\n\n"
                    "Second picture\nalt: two cups\ntags: kitchen, blue",
                },
                {"role": "assistant", "content": "two of them"},
                {
                    "role": "user",
                    "content": "First picture\ncaption: A dog runs.\n\n"
                    "Second picture\ncaption: A dog on a beach.",
                },
            ],
        }
    ]


def test_instructions_come_in_the_order_of_the_pairs(endpoint: Endpoint, tmp_path: Path) -> None:
    def repeat_the_number(exchange: Exchange) -> None:
        number = exchange.question.split("beside ")[1].split()[0]
        says(f"now with {number} trees")(exchange)

    endpoint.otherwise = repeat_the_number
    writer = ChatWriter(settings(endpoint, concurrency=4), tmp_path / "answers.jsonl")
    assert writer.write(pairs(12)) == [f"now with {number} trees" for number in range(12)]


def test_as_many_questions_as_allowed_are_under_way_at_once(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    together = threading.Barrier(3)

    def answer_when_three_have_asked(exchange: Exchange) -> None:
        together.wait(timeout=20)
        says("on a beach instead")(exchange)

    endpoint.otherwise = answer_when_three_have_asked
    writer = ChatWriter(settings(endpoint, concurrency=3), tmp_path / "answers.jsonl")
    assert writer.write(pairs(3)) == ["on a beach instead"] * 3


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (says(""), instructions.EMPTY),
        (says("I'm sorry, but I can't help with that."), instructions.DECLINES),
        (
            sends(completion(None, message={"content": None, "refusal": "No."})),
            "declines to answer",
        ),
        (says("A dog on a beach"), instructions.COPY),
        (says("on a beach\nin the sun"), instructions.SEVERAL_LINES),
        (says('{"instruction": "on a beach"}'), instructions.MARKUP),
        (says("word " * 5000), instructions.TOO_LONG),
        (says("on a bea", finish_reason="length"), chat_client.CUT_SHORT),
        (says("", finish_reason="content_filter"), chat_client.FILTERED),
    ],
)
def test_an_unusable_answer_is_counted_and_not_paid_for_twice(
    endpoint: Endpoint, tmp_path: Path, behaviour: Behaviour, reason: str
) -> None:
    endpoint.script = [behaviour]
    for _ in range(2):
        writer = ChatWriter(settings(endpoint), tmp_path / "answers.jsonl")
        assert writer.write([PAIR]) == [None] and writer.refused == {reason: 1}
    assert len(endpoint.asked) == 1


def test_pairs_of_which_nothing_is_said_are_not_asked_about(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    writer = ChatWriter(settings(endpoint), tmp_path / "answers.jsonl")
    assert writer.write([(Described(), PAIR[1]), PAIR]) == [None, "on a beach instead"]
    assert writer.refused == {chat_writer.NOTHING_SAID: 1} and len(endpoint.asked) == 1


def test_the_same_question_is_asked_once_whatever_pictures_it_is_about(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    other = (Described(caption="A dog runs.", id="another"), PAIR[1])
    writer = ChatWriter(settings(endpoint), tmp_path / "answers.jsonl")
    assert writer.write([PAIR, other]) == ["on a beach instead"] * 2 and len(endpoint.asked) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"model": "large"},
        {"prompt": "Be brief."},
        {"examples": []},
        {"parameters": {"temperature": 1}},
    ],
)
def test_another_model_prompt_examples_or_parameters_is_another_question(
    endpoint: Endpoint, tmp_path: Path, change: dict[str, object]
) -> None:
    ChatWriter(settings(endpoint), tmp_path / "answers.jsonl").write([PAIR])
    ChatWriter(settings(endpoint, **change), tmp_path / "answers.jsonl").write([PAIR])
    assert len(endpoint.asked) == 2


def test_a_stricter_rule_asks_nothing_again(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.script = [says("on a beach instead of on the lawn")]
    for most_words, expected in ((24, ["on a beach instead of on the lawn"]), (4, [None])):
        config = settings(endpoint, most_words=most_words)
        assert ChatWriter(config, tmp_path / "answers.jsonl").write([PAIR]) == expected
    assert len(endpoint.asked) == 1
