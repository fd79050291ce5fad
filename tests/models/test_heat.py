"""Heat maps: looks and back, what is shown, and the two kinds of towers."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from evaluation.scenes import boxes, generate, render
from models.device import Placement
from models.heat import HeatAsked, HeatEncoder, Look, Looks, joined, looks_of, peak, scaled, surface
from models.heat_towers import TransformerTower, tower_of
from models.load import load_encoder
from models.openclip import build
from models.openclip_encoder import OpenClipEncoder
from models.preprocess import Preprocessing

CPU = Placement(torch.device("cpu"), torch.float32)
TINY: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "layers": 3, "head_width": 16},
    "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1},
}


def preprocessing(mode: str) -> Preprocessing:
    return Preprocessing(8, 8, (0.5,) * 3, (0.5,) * 3, resize_mode=mode)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def starter() -> OpenClipEncoder:
    encoder = load_encoder("starter", CPU, print)
    assert isinstance(encoder, OpenClipEncoder)
    return encoder


def test_a_tower_that_squashes_has_one_look_of_all() -> None:
    looks = looks_of(Image.new("RGB", (300, 100)), preprocessing("squash"), 2)
    (look,) = looks.looks
    assert (look.left, look.top, look.right, look.bottom) == (0, 0, 1, 1)
    assert look.pixels.shape == (16, 16, 3) and (looks.width, looks.height) == (300, 100)


@pytest.mark.parametrize("size", [(250, 100), (100, 250), (100, 100), (101, 100), (3, 1000)])
def test_a_tower_that_crops_has_looks_of_the_whole_picture(size: tuple[int, int]) -> None:
    looks = looks_of(Image.new("RGB", size), preprocessing("shortest"), 1).looks
    lying = size[0] >= size[1]
    spans = [(each.left, each.right) if lying else (each.top, each.bottom) for each in looks]
    assert spans[0][0] == 0 and spans[-1][1] == pytest.approx(1)
    assert all(later[0] <= earlier[1] + 1e-9 for earlier, later in pairwise(spans))
    assert len(looks) == {250: 3, 100: 1, 101: 1, 1000: 4}[max(size)]
    assert all(each.pixels.shape == (8, 8, 3) for each in looks)


def test_looks_show_their_part() -> None:
    image = Image.new("RGB", (30, 10))
    image.paste((255, 255, 255), (20, 0, 30, 10))
    bright = [each.pixels.mean() for each in looks_of(image, preprocessing("shortest"), 1).looks]
    assert bright == [0, 0, 255]


def test_maps_of_looks_become_one_of_the_picture() -> None:
    pixels = np.zeros((1, 1, 3), np.uint8)
    left, right = Look(pixels, 0, 0, 0.5, 1), Look(pixels, 0.5, 0, 1, 1)
    maps = [np.zeros((2, 2), np.float32), np.array([[0, 1], [0, 3]], np.float32)]
    whole = joined(Looks((left, right), 20, 10), maps)
    assert whole.tolist() == [[0, 0, 0, 1], [0, 0, 0, 3]]
    overlapping = (Look(pixels, 0, 0, 0.75, 1), Look(pixels, 0.25, 0, 1, 1))
    ones, threes = np.ones((3, 3), np.float32), np.full((3, 3), 3, np.float32)
    assert joined(Looks(overlapping, 40, 30), [ones, threes])[0].tolist() == [1, 2, 2, 3]


def test_a_surface_has_the_pictures_aspect_and_its_peak_where_the_map_is_highest() -> None:
    held = np.zeros((11, 11), np.float32)
    held[2, 8] = 5
    shown = surface(held, 300, 150)
    assert shown.shape == (32, 64) and (shown.min(), shown.max()) == (0, 1)
    x, y = peak(shown)
    assert abs(x - 8.5 / 11) < 0.03 and abs(y - 2.5 / 11) < 0.05
    assert surface(np.full((4, 4), 7, np.float32), 10, 10).max() == 0
    assert surface(held, 1, 4000).shape == (64, 1)
    assert scaled(np.array([[1, 3]], np.float32)).tolist() == [[0, 1]]


def test_the_starters_averaged_map_is_its_embedding(starter: OpenClipEncoder) -> None:
    assert isinstance(starter, HeatEncoder) and starter.has_heat
    picture = Image.effect_noise((200, 120), 90).convert("RGB")
    pixels = starter.prepare(picture)
    visual = starter._module.visual
    with torch.inference_mode():
        image = torch.from_numpy(pixels.copy())[None].permute(0, 3, 1, 2).float()
        mean, std = starter.preprocessing.mean, starter.preprocessing.std
        centred = image / 255 - torch.tensor(mean)[:, None, None]
        image = centred / torch.tensor(std)[:, None, None]
        averaged = visual.head(visual.trunk.forward_features(image).permute(0, 2, 3, 1)).mean(
            (1, 2)
        )
    assert np.allclose(averaged.numpy(), starter.encode_images([pixels]), atol=1e-4)


def test_the_starter_sees_a_thing_where_it_is(starter: OpenClipEncoder) -> None:
    found, asked = 0, 0
    for scene in generate(7, 30).scenes:
        looks = starter.looks(render(scene))
        for thing, (left, top, right, bottom) in boxes(scene):
            if thing.count > 1:
                continue
            (text,) = starter.encode_texts([f"a {thing.colour} {thing.kind}"])
            (held,) = starter.heat([HeatAsked(looks, text)])
            x, y = peak(surface(held, 256, 256))
            asked += 1
            found += left <= x <= right and top <= y <= bottom
    assert asked >= 10 and found >= 0.7 * asked


def test_several_are_asked_together_as_alone(starter: OpenClipEncoder) -> None:
    texts = starter.encode_texts(["a red cat", "snow"])
    looks = [starter.looks(Image.effect_noise((90, 60), s).convert("RGB")) for s in (40, 90)]
    asked = [HeatAsked(each, text) for each, text in zip(looks, texts, strict=True)]
    together = starter.heat(asked)
    for each, held in zip(asked, together, strict=True):
        assert held.shape == (11, 11)
        assert np.allclose(starter.heat([each])[0], held, atol=1e-4)
    assert starter.heat([]) == []


def test_a_transformers_map_is_the_likeness_of_patches_that_attend_to_themselves() -> None:
    torch.manual_seed(0)
    visual: Any = build(TINY).eval().visual
    images, texts = torch.randn(2, 3, 32, 32), torch.randn(2, 16)
    with torch.inference_mode():
        tower = tower_of(visual, images[:1])
        assert isinstance(tower, TransformerTower)
        maps = tower.maps(images, texts)
        assert maps.shape == (2, 4, 4) and bool((maps.abs() <= 1).all())
        # by hand, of one patch: the last block over a sequence of that patch alone
        tokens = visual._embeds(images)
        for block in visual.transformer.resblocks[:-1]:
            tokens = block(tokens)
        alone = visual.transformer.resblocks[-1](tokens[1:, 1 + 6 : 1 + 7])
        projected = (visual.ln_post(alone) @ visual.proj)[0, 0]
        expected = torch.nn.functional.cosine_similarity(projected, texts[1], dim=0)
    assert torch.isclose(maps[1, 1, 2], expected, atol=1e-5)


def test_a_tower_of_another_kind_has_no_map() -> None:
    assert tower_of(torch.nn.Linear(3, 3), torch.zeros(1, 3, 8, 8)) is None
    pooled: Any = build({**TINY, "vision_cfg": {**TINY["vision_cfg"], "attentional_pool": True}})
    with torch.inference_mode():
        assert tower_of(pooled.eval().visual, torch.zeros(1, 3, 32, 32)) is None
