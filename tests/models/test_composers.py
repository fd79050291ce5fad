"""Composers: the answers are worked out by hand."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.composers.composer import Asked, Composer, compose_now
from models.composers.registry import Composers
from models.composers.slerp import Slerp, slerp
from models.composers.templates import instruction
from models.composers.weighted_sum import WeightedSum
from models.encoders import Prompt
from models.errors import InputError, ModelError, UnsupportedComposerError
from models.phi import Phi, PhiKind
from models.query import Query
from models.space import Space
from models.vectors import Embeddings, Vector, unit, unit_vector
from tests.fakes import ColourEncoder, f32

SPACE = Space("hand", "0" * 16, 2)
EAST = np.array([1, 0], dtype=np.float32)
NORTH = np.array([0, 1], dtype=np.float32)


def composed(composer: Composer, image: Vector, texts: Sequence[Vector]) -> Vector:
    """The one probe of a picture and the embeddings of its instructions."""
    asked = Asked({SPACE: image}, tuple(f"text {n}" for n in range(len(texts))))
    (question,) = composer.compose([asked], [np.stack(texts)])
    assert isinstance(question, Query)
    (probe,) = question.probes
    assert probe.weight == 1
    return probe.vector


def test_the_sum_adds_the_unscaled_embeddings_so_that_norms_carry_weight() -> None:
    assert np.allclose(composed(WeightedSum(SPACE), 3 * EAST, [4 * NORTH]), [0.6, 0.8])


def test_the_sums_weight_scales_the_instruction() -> None:
    vector = composed(WeightedSum(SPACE, weight=0.75), 3 * EAST, [4 * NORTH])
    assert np.allclose(vector, [np.sqrt(0.5), np.sqrt(0.5)])


def test_several_instructions_are_added_one_after_the_other() -> None:
    assert np.allclose(composed(WeightedSum(SPACE), 3 * EAST, [NORTH, 3 * NORTH]), [0.6, 0.8])


def test_slerp_stands_at_the_share_of_the_arc() -> None:
    third = slerp(EAST, NORTH, 1 / 3)
    assert np.allclose(third, [np.cos(np.pi / 6), np.sin(np.pi / 6)])


def test_slerp_ends_at_its_ends() -> None:
    assert np.allclose(slerp(EAST, NORTH, 0), EAST)
    assert np.allclose(slerp(EAST, NORTH, 1), NORTH)


def test_slerp_ignores_norms_and_takes_instructions_in_turn() -> None:
    vector = composed(Slerp(SPACE, 0.5), 9 * EAST, [NORTH, 5 * NORTH])
    assert np.allclose(vector, [np.cos(3 * np.pi / 8), np.sin(3 * np.pi / 8)])


def test_slerp_between_equal_vectors_stays_there() -> None:
    assert np.allclose(slerp(EAST, EAST, 0.3), EAST)


def test_opposite_vectors_have_no_unique_arc() -> None:
    with pytest.raises(InputError, match="opposite"):
        slerp(EAST, -EAST, 0.5)


@given(arrays(np.float32, (2, 5), elements=st.floats(-1, 1, width=32)), st.floats(0, 1))
def test_slerp_keeps_unit_length(pair: np.ndarray, share: float) -> None:
    if np.linalg.norm(pair, axis=1).min() < 1e-2:
        return
    a, b = unit(pair)[0]
    if np.dot(a, b) < -0.999:
        return
    assert abs(np.linalg.norm(slerp(a, b, share)) - 1) < 1e-5


class WordyEncoder(ColourEncoder):
    """A prompt's embedding is the pseudo-word in it, turned by a quarter."""

    word_width = 4

    def __init__(self) -> None:
        super().__init__()
        self.prompts: list[Prompt] = []

    def encode_prompts(self, prompts: Sequence[Prompt]) -> Embeddings:
        self.prompts += prompts
        return np.stack([np.roll(p.word, 1) for p in prompts if p.word is not None])


def doubling(kind: PhiKind, space: Space) -> Phi:
    network = torch.nn.Linear(4, 4, bias=False)
    network.weight = torch.nn.Parameter(2 * torch.eye(4))
    return Phi(kind, space, network.requires_grad_(False), width=4)


@pytest.mark.parametrize(
    ("kind", "prompt", "symbol"),
    [
        ("searle", "a photo of $ that is red and at night", "$"),
        ("lincir", "a photo of $ that is red and at night", "$"),
        ("pic2word", "a photo of * , is red and at night", "*"),
    ],
)
def test_textual_inversion_puts_the_pictures_word_into_the_published_prompt(
    kind: PhiKind, prompt: str, symbol: str
) -> None:
    encoder = WordyEncoder()
    composer = Composers(encoder, [doubling(kind, encoder.space)]).named(kind)
    asked = Asked({encoder.space: f32([1, 2, 3, 4])}, ("is red ", "at night"))
    (question,) = compose_now(encoder, composer, [asked])
    (sent,) = encoder.prompts
    assert (sent.text, sent.symbol) == (prompt, symbol)
    assert sent.word is not None and sent.word.tolist() == [2, 4, 6, 8]
    assert isinstance(question, Query)
    assert np.allclose(question.probes[0].vector, unit_vector(f32([8, 2, 4, 6])))


def test_callers_of_one_composer_are_composed_together_and_told_apart() -> None:
    encoder = ColourEncoder()
    pictures = [f32([1, 0, 0, 0]), f32([0, 0, 1, 0])]
    asked = [
        Asked({encoder.space: pictures[0]}, ("green", "green")),
        Asked({encoder.space: pictures[1]}, ("red",)),
    ]
    together = compose_now(encoder, Composers(encoder).named("sum"), asked)
    for each, question in zip(asked, together, strict=True):
        (alone,) = compose_now(encoder, Composers(encoder).named("sum"), [each])
        assert isinstance(alone, Query) and isinstance(question, Query)
        assert np.array_equal(alone.probes[0].vector, question.probes[0].vector)


def test_a_network_for_another_space_is_refused_by_both_names() -> None:
    with pytest.raises(ModelError, match=r"lincir network is for hand@0.*colours@0123"):
        Composers(ColourEncoder(), [doubling("lincir", SPACE)])


def test_a_light_query_encoder_takes_no_network_of_its_gallerys_text_tower() -> None:
    encoder = WordyEncoder()
    encoder.fills_galleries = False
    with pytest.raises(ModelError, match="light query encoder"):
        Composers(encoder, [doubling("lincir", encoder.space)])


def test_a_network_whose_words_are_too_wide_is_refused() -> None:
    encoder = WordyEncoder()
    encoder.word_width = 3
    with pytest.raises(ModelError, match="words of width 4, the model takes 3"):
        Composers(encoder, [doubling("lincir", encoder.space)])


def test_two_networks_of_one_kind_are_refused() -> None:
    encoder = WordyEncoder()
    with pytest.raises(ModelError, match="two searle networks"):
        Composers(encoder, [doubling("searle", encoder.space)] * 2)


@pytest.mark.parametrize("instructions", [(), ("",), ("at night", " \n")])
def test_an_empty_instruction_is_refused(instructions: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="instruction is empty"):
        Asked({SPACE: EAST}, instructions)


def test_a_composer_without_its_weights_says_so_and_lists_what_there_is() -> None:
    with pytest.raises(UnsupportedComposerError, match=r"'searle'.*--phi.*sum, slerp, basic"):
        Composers(ColourEncoder()).named("searle")


def test_a_text_tower_without_pseudo_words_has_no_textual_inversion() -> None:
    encoder = ColourEncoder()
    composers = Composers(encoder, [doubling("lincir", encoder.space)])
    with pytest.raises(UnsupportedComposerError, match="takes no pseudo-words"):
        composers.named("lincir")


def test_an_unknown_composer_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedComposerError, match=r"'mean'.*sum, slerp"):
        Composers(ColourEncoder()).named("mean")
    with pytest.raises(UnsupportedComposerError, match=r"''.*sum, slerp"):
        Composers(ColourEncoder()).named("")


def test_the_default_is_the_best_that_there_is() -> None:
    encoder = WordyEncoder()
    assert Composers(encoder).default == "sum"
    assert Composers(encoder, [doubling("pic2word", encoder.space)]).default == "pic2word"


def test_the_default_of_a_model_trained_for_a_composer_is_that_one() -> None:
    encoder = WordyEncoder()
    encoder.space = Space("BAAI/BGE-VL-base", "0" * 16, 4)
    encoder.spaces = (encoder.space,)
    assert Composers(encoder, [doubling("lincir", encoder.space)]).default == "sum"


@pytest.mark.parametrize(
    ("name", "weight"), [("sum", -1), ("slerp", 1.5), ("slerp", -0.1), ("basic", 0.5)]
)
def test_a_weight_out_of_range_or_of_no_meaning_is_refused(name: str, weight: float) -> None:
    with pytest.raises(InputError, match="weight"):
        Composers(ColourEncoder()).named(name, weight)


def test_published_templates_are_filled_by_their_words() -> None:
    assert instruction("circo", concept="dog", change="is asleep") == "find dog but is asleep"
    assert instruction("dtin", domain="origami") == "find this object in origami"
    with pytest.raises(InputError, match="expected change, concept, got concept"):
        instruction("circo", concept="dog")
    with pytest.raises(InputError, match="expected one of circo, dtin"):
        instruction("cirr")


def test_a_vector_without_direction_is_refused() -> None:
    with pytest.raises(InputError, match="no direction"):
        unit_vector(np.zeros(3, dtype=np.float32))
    with pytest.raises(InputError, match="no direction"):
        unit_vector(np.array([np.nan, 1], dtype=np.float32))
