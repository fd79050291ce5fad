"""Runs of nouns and adjectives are found, and give way to one symbol each."""

import socket
import sys
from collections.abc import Iterator

import pytest

from models.errors import InputError
from training import keywords
from training.keywords import cleaned, keyword_spans, masked

textblob = pytest.importorskip("textblob")


def runs(caption: str) -> list[str]:
    return [caption[start:end] for start, end in keyword_spans(caption)]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a girl going into a wooden building .", ["a girl", "a wooden building"]),
        ("two dogs are playing with a red frisbee", ["dogs", "a red frisbee"]),
        ("the black dog , a white cat", ["the black dog", "a white cat"]),
        ("it is running", []),
        ("", []),
    ],
)
def test_runs_of_nouns_adjectives_and_determiners_are_keywords(
    caption: str, expected: list[str]
) -> None:
    assert runs(caption) == expected


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A girl going into a wooden building .", "$ going into $ ."),
        ("two small red boats, by the sea.", "two $ , by $ ."),
        ("a man on a man", "$ on $"),
        ("for $5 in the shop", "for 5 in $"),
    ],
)
def test_every_run_gives_way_to_the_symbol(caption: str, expected: str) -> None:
    assert masked(caption, "$") == expected


def test_the_symbol_stands_alone_beside_punctuation() -> None:
    assert "*" in masked("beach, sea; sand.", "*").split()


def test_a_run_is_replaced_at_its_place_and_not_within_other_words() -> None:
    assert masked("a running man", "$") == "$ running $"


def test_without_a_keyword_one_word_gives_way_always_the_same() -> None:
    first = masked("it is running", "$")
    assert first.split().count("$") == 1 and len(first.split()) == 3
    assert masked("It is  running", "$") == first


@pytest.mark.parametrize("caption", ["", "   ", "$", " $ $ "])
def test_a_caption_without_words_is_a_photo_of_the_symbol(caption: str) -> None:
    assert masked(caption, "$") == "a photo of $"


def test_the_original_is_the_caption_in_lower_case_without_the_symbol() -> None:
    assert cleaned("  A $ Dog\n runs", "$") == "a dog runs"


@pytest.fixture
def fresh_tagger() -> Iterator[None]:
    keywords._tagger.cache_clear()
    yield
    keywords._tagger.cache_clear()


@pytest.mark.usefixtures("fresh_tagger")
def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert runs("the red house") == ["the red house"]


@pytest.mark.usefixtures("fresh_tagger")
def test_without_the_tagger_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textblob.en", None)
    with pytest.raises(InputError, match=r"pip install '\.\[lincir\]'"):
        masked("the red house", "$")
