"""A dual encoder's own MagicLens head: read, pinned, and composing in the model's one space."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.composers.composer import Asked, compose_now
from models.composers.registry import Composers
from models.device import choose_placement
from models.errors import ModelError
from models.fusion_head import (
    HEAD_FILE,
    WEIGHTS_FILE,
    FusionHead,
    HeadSizes,
    PinnedHead,
    read_head,
    write_head,
)
from models.load import load_encoder
from models.openclip_encoder import OpenClipEncoder
from models.query import Query
from models.vectors import unit_vector
from tests.training.tiny import DIMENSION, gallery_model

SIZES = HeadSizes(DIMENSION, inner=32, heads=2, layers=1)


def loaded(folder: Path) -> OpenClipEncoder:
    encoder = load_encoder(str(folder), choose_placement("cpu"), announce=print)
    assert isinstance(encoder, OpenClipEncoder)
    return encoder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return gallery_model(tmp_path / "model")


@pytest.fixture
def with_head(folder: Path) -> Path:
    torch.manual_seed(5)
    module = FusionHead(SIZES)
    write_head(folder, PinnedHead(module, loaded(folder).space.revision, {"run": "a test"}))
    return folder


def test_a_fresh_head_without_its_fusion_gives_the_sum_of_the_unit_vectors() -> None:
    head = FusionHead(SIZES).eval()
    with torch.no_grad():
        head.shares.copy_(torch.tensor([1.0, 0.5, 0.0]))
        pictures, texts = torch.randn(3, DIMENSION), torch.randn(3, DIMENSION)
        found = head(pictures, texts)
    unit = torch.nn.functional.normalize
    assert torch.allclose(found, unit(pictures, dim=-1) + 0.5 * unit(texts, dim=-1), atol=1e-6)


def test_a_query_does_not_depend_on_the_lengths_of_what_it_is_made_of() -> None:
    head = FusionHead(SIZES).eval()
    pictures, texts = torch.randn(3, DIMENSION), torch.randn(3, DIMENSION)
    with torch.no_grad():
        assert torch.allclose(head(pictures, texts), head(7 * pictures, 0.1 * texts), atol=1e-5)


def test_a_model_with_a_head_composes_by_it_in_its_own_space(with_head: Path) -> None:
    encoder = loaded(with_head)
    composers = Composers(encoder)
    assert composers.default == "magiclens"
    picture = np.arange(1, DIMENSION + 1, dtype=np.float32)
    asked = Asked({encoder.space: picture}, ("at night",))
    (query,) = compose_now(encoder, composers.named(), [asked])
    assert isinstance(query, Query)
    (probe,) = query.probes
    assert probe.space == encoder.space == encoder.fused_space
    expected = encoder.fuse(picture[None], encoder.encode_texts(["at night"]))[0]
    np.testing.assert_allclose(probe.vector, unit_vector(expected), atol=1e-6)


def test_the_head_does_not_change_the_space(folder: Path, tmp_path: Path) -> None:
    before = loaded(folder).space
    write_head(folder, PinnedHead(FusionHead(SIZES), before.revision, {}))
    assert loaded(folder).space == before


def test_a_model_without_a_head_has_no_such_composer(folder: Path) -> None:
    encoder = loaded(folder)
    assert encoder.fused_space is None
    assert "magiclens" not in Composers(encoder).names
    with pytest.raises(ModelError, match="has no MagicLens head"):
        encoder.fuse(np.ones((1, DIMENSION), np.float32), np.ones((1, DIMENSION), np.float32))


def test_what_is_written_is_read_to_half_precision(with_head: Path) -> None:
    head = read_head(with_head)
    assert head is not None and head.module.sizes == SIZES
    assert head.origin == {"run": "a test"}
    torch.manual_seed(5)
    for name, tensor in FusionHead(SIZES).state_dict().items():
        assert torch.equal(head.module.state_dict()[name], tensor.half().float())


def test_a_head_of_other_towers_is_refused(folder: Path) -> None:
    write_head(folder, PinnedHead(FusionHead(SIZES), "f" * 16, {}))
    with pytest.raises(ModelError, match=r"head is of the towers f+"):
        loaded(folder)


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ('"layers": 1', '"layers": 2', "not the weights"),
        ('"layers": 1', '"layers": 48', "not the weights"),
        ('"layers": 1', '"layers": 100000', "layers is 100000"),
        ('"layers": 1', '"layers": true', "layers is True"),
        ('"heads": 2', '"heads": 3', "3 heads do not share"),
        ('"inner": 32,', "", "sizes: expected dimension, inner, heads, layers"),
        ('"version": 1', '"version": 2', "version 2"),
        ('"format": "pictor-fusion"', '"format": "else"', "pictor-fusion"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    with_head: Path, was: str, becomes: str, named: str
) -> None:
    card = (with_head / HEAD_FILE).read_text()
    assert was in card
    (with_head / HEAD_FILE).write_text(card.replace(was, becomes))
    with pytest.raises(ModelError, match=named):
        read_head(with_head)


def test_weights_that_the_card_was_not_written_for_are_refused(with_head: Path) -> None:
    weights = bytearray((with_head / WEIGHTS_FILE).read_bytes())
    weights[-1] ^= 1
    (with_head / WEIGHTS_FILE).write_bytes(weights)
    with pytest.raises(ModelError, match=r"is not what fusion\.json was written for"):
        read_head(with_head)
    (with_head / WEIGHTS_FILE).unlink()
    with pytest.raises(ModelError, match=r"fusion\.safetensors: No such file"):
        read_head(with_head)
