"""BASIC, step by step as published, on numbers that can be worked out by hand."""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np
import pytest

from models.composers.basic import (
    Calibration,
    contrastive_projection,
    expanded,
    fused_query,
    read_corpus,
)
from models.composers.composer import Asked, compose_now
from models.composers.registry import Composers
from models.query import Pending
from models.space import Space
from models.vectors import Embeddings, Vector, unit, unit_vector
from tests.fakes import ColourEncoder, f32

T = TypeVar("T")


class Hand:
    """A gallery of three pictures."""

    def __init__(self, units: Embeddings) -> None:
        self.units = units

    def mean(self, space: Space) -> Vector:
        mean: Vector = self.units.mean(axis=0)
        return mean

    def sample(self, space: Space, count: int) -> Embeddings:
        return self.units[:count]

    def nearest(self, space: Space, vector: Vector, count: int) -> Embeddings:
        return self.units[np.argsort(-(self.units @ vector))][:count]

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        return make()


class AnyWordEncoder(ColourEncoder):
    """Every word has some vector of its own."""

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        rows = [
            np.sum([self._word(word) for word in text.lower().split()], axis=0) for text in texts
        ]
        return f32(rows).reshape(-1, 4)

    def _word(self, word: str) -> Vector:
        return np.random.default_rng(sum(word.encode())).random(4, dtype=np.float32)


def test_the_projection_keeps_what_subjects_vary_in_and_styles_do_not() -> None:
    subjects = f32([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    styles = f32([[0, 3, 0], [0, -3, 0], [0, 0, 1], [0, 0, -1]])
    projection = contrastive_projection(subjects, styles)
    # along the axes the contrast is 0.8 * 2/3, 0.8 * 2/3 - 0.2 * 6, -0.2 * 2/3
    assert np.allclose(projection, np.diag([1, 0, 0]), atol=1e-3)


def test_the_query_is_expanded_by_its_nearest_with_published_weights() -> None:
    neighbours = f32([[0.5, 0.0], [0.0, 0.5]])
    image = f32([0.2, 0.4])
    found = expanded(image, np.eye(2), lambda _: neighbours)
    weights = np.exp(0.1 * np.array([0.5 * 0.2, 0.5 * 0.4, 1.0]))
    expected = weights @ np.vstack([neighbours, image]) / weights.sum()
    assert np.allclose(found, expected, atol=1e-6)


def test_similarities_are_centred_and_scaled_by_the_least_of_the_pictures() -> None:
    space = Space("hand", "0" * 16, 2)
    known = Calibration(f32([0.1, 0.2]), least_image=-0.4, least_text=-0.1)
    image, text = f32([3, 0]), f32([0, 0.5])
    query = fused_query(space, image, text, known)
    point = f32([0.6, 0.8])
    s_image = (image @ (point - known.mean) + 0.4) / 0.4
    s_text = (text @ (point - known.mean) + 0.1) / 0.4
    similarities = [np.array([float(probe.vector @ point)]) for probe in query.probes]
    expected = s_image * s_text - 0.1 * (s_image + s_text) ** 2
    assert query.scores(similarities)[0] == pytest.approx(expected, rel=1e-5)


def test_the_instruction_is_read_among_a_hundred_subjects_on_both_sides() -> None:
    composer = Composers(ColourEncoder()).named("basic")
    prompts = composer.prompts(Asked({}, ("in red", "at night")))
    subjects = read_corpus("subjects")
    assert len(prompts) == 200
    assert prompts[0].text == f"{subjects[0]} in red and at night"
    assert prompts[100].text == f"in red and at night {subjects[0]}"


def test_the_whole_is_its_steps() -> None:
    encoder = AnyWordEncoder()
    rows = np.random.default_rng(5).standard_normal((40, 4), dtype=np.float32)
    gallery = Hand(unit(rows)[0])
    image = f32([0.9, 0.1, 0.2, 0.1])
    asked = Asked({encoder.space: image}, ("blue",))
    (question,) = compose_now(encoder, Composers(encoder).named("basic"), [asked])
    assert isinstance(question, Pending)
    query = question.finish(gallery)

    subjects, styles = (
        unit(encoder.encode_texts(list(read_corpus(name))))[0] for name in ("subjects", "styles")
    )
    words = [w for s in read_corpus("subjects")[:100] for w in (f"{s} blue", f"blue {s}")]
    text = unit_vector(unit(encoder.encode_texts(words))[0].mean(axis=0)) - subjects.mean(axis=0)
    mean = gallery.units.mean(axis=0)
    projection = contrastive_projection(
        subjects - subjects.mean(axis=0), styles - subjects.mean(axis=0)
    )
    direction = expanded(
        unit_vector(image) - mean,
        projection,
        lambda v: gallery.nearest(encoder.space, v, 25) - mean,
    )
    centred = gallery.units - mean
    texts = np.concatenate([subjects, styles]) - subjects.mean(axis=0)
    size = abs((centred @ centred.T).min())
    s_image = np.maximum((centred @ direction - (centred @ centred.T).min()) / size, 0)
    s_text = np.maximum((centred @ text - (texts @ centred.T).min()) / size, 0)
    expected = s_image * s_text - 0.1 * (s_image + s_text) ** 2
    similarities = [gallery.units.astype(np.float64) @ probe.vector for probe in query.probes]
    assert np.allclose(query.scores(similarities), expected, atol=1e-4)


def test_a_gallery_of_one_picture_is_answered_with_it() -> None:
    encoder = AnyWordEncoder()
    only = f32([[0.5, 0.5, 0.5, 0.5]])
    asked = Asked({encoder.space: only[0]}, ("blue",))
    (question,) = compose_now(encoder, Composers(encoder).named("basic"), [asked])
    assert isinstance(question, Pending)
    query = question.finish(Hand(only))
    similarities = [only.astype(np.float64) @ probe.vector for probe in query.probes]
    assert np.isfinite(query.scores(similarities)).all()


def test_the_corpora_are_lists_of_different_phrases() -> None:
    for name, least in (("subjects", 300), ("styles", 100)):
        corpus = read_corpus(name)
        assert len(corpus) == len(set(corpus)) >= least
        assert all(phrase.strip() == phrase and phrase for phrase in corpus)
