"""The words of a caption that say what a picture shows: runs of nouns and adjectives.

keyword_spans(caption) -> (start, end) of each run of consecutive nouns, proper nouns, adjectives
and determiners, as LinCIR's loader takes them. masked(caption, symbol) -> the caption in lower case
with every run replaced by the symbol. The tagger is TextBlob's PatternTagger, whose English lexicon
comes inside its package (published: spaCy's en_core_web_sm); nothing is downloaded. Raises
InputError, naming the extra, where TextBlob is not installed.
Source: Gu et al., "Language-only Training of Zero-shot Composed Image Retrieval", CVPR 2024.
"""

import importlib
import warnings
from collections.abc import Callable
from functools import cache
from random import Random

from models.errors import InputError

Span = tuple[int, int]
Tagger = Callable[[str], list[tuple[str, str]]]

# of the Penn Treebank: nouns, proper nouns, adjectives, and the three tags of determiners
KEYWORD_TAGS = ("NN", "JJ", "DT", "PDT", "WDT")
WITHOUT_KEYWORD = "a photo of {}"


def keyword_spans(caption: str) -> list[Span]:
    spans: list[Span] = []
    at, goes_on = 0, False
    for word, tag in _tagger()(caption):
        start = caption.find(word, at)
        if start < 0:  # the tagger spells some signs otherwise
            goes_on = False
            continue
        at = start + len(word)
        is_keyword = tag.startswith(KEYWORD_TAGS)
        if is_keyword and goes_on:
            spans[-1] = (spans[-1][0], at)
        elif is_keyword:
            spans.append((start, at))
        goes_on = is_keyword
    return spans


def masked(caption: str, symbol: str) -> str:
    """Each run replaced at its place, the symbol a word of its own.

    Where there is no run, a word of the caption, drawn by the caption itself; where there is no
    word either, "a photo of" the symbol. (The published loader draws that word anew each time, and
    replaces a run wherever its letters occur, be it within another word.)
    """
    caption = cleaned(caption, symbol)
    spans = keyword_spans(caption) or _any_word(caption)
    if not spans:
        return WITHOUT_KEYWORD.format(symbol)
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(caption)]
    between = [caption[end:start] for end, start in zip(ends, starts, strict=True)]
    return " ".join(f" {symbol} ".join(between).split())


def cleaned(caption: str, symbol: str) -> str:
    """What the original of a masked caption is: in lower case, free of the symbol."""
    return " ".join(caption.lower().replace(symbol, "").split())


def _any_word(caption: str) -> list[Span]:
    words = caption.split()
    if not words:
        return []
    word = Random(caption).choice(words)
    start = caption.find(word)
    return [(start, start + len(word))]


@cache
def _tagger() -> Tagger:
    try:
        tag: Tagger = importlib.import_module("textblob.en").tag
    except ImportError as error:
        raise InputError(
            "finding the keywords of captions needs textblob: "
            "install Pictor with its extra, pip install '.[lincir]'"
        ) from error
    with warnings.catch_warnings():
        # the first call reads the lexicon, and leaves closing its files to the interpreter
        warnings.simplefilter("ignore", ResourceWarning)
        tag("a first caption")
    return tag
