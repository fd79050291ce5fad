"""A run starts from a MagicLens as it is, or from a CLIP whose towers it keeps under a fresh
fusion."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.device import choose_placement
from models.errors import InputError, ModelError
from models.huggingface import CLIP_MEAN, CLIP_STD
from models.load import load_encoder
from models.magiclens.folder import read_folder
from models.openclip import build
from models.preprocess import Preprocessing
from tests.training.coloured import coloured, write_lens
from training.export import export_model
from training.magiclens_config import FusionSizes, MagicLensConfig
from training.magiclens_export import Trained, write_magiclens
from training.magiclens_start import Start, starting_point
from training.optimisers import Optimiser

FUSION = FusionSizes(layers=1, heads=2, inner=32)
PREPROCESSING = Preprocessing(16, 16, CLIP_MEAN, CLIP_STD, interpolation="bicubic")
VISION = {"image_size": 16, "patch_size": 8, "width": 32, "layers": 1, "head_width": 16}
TEXT = {"context_length": 12, "vocab_size": 49408, "width": 8, "layers": 1, "heads": 2}
PICTURES = [coloured("red", "left"), coloured("blue", "top")]
TEXTS = ["make it red", "a picture of a rather long boat"]


def write_clip(folder: Path, preprocessing: Preprocessing = PREPROCESSING, **changed: Any) -> Path:  # noqa: ANN401
    """A CLIP of a few weights, in open_clip's layout."""
    settings = {"embed_dim": 16, "quick_gelu": True, "vision_cfg": VISION, "text_cfg": TEXT}
    settings |= changed
    torch.manual_seed(1)
    export_model(folder, build(settings), settings, preprocessing)
    return folder


def start(model: Path, fusion: FusionSizes | None, seed: int = 3) -> Start:
    config = MagicLensConfig(
        kind="magiclens",
        name="tiny",
        seed=seed,
        data=Path("data"),
        out=Path("out"),
        model=str(model),
        fusion=fusion,
        shards=(Path("shards"),),
        steps=10,
        batch=4,
        chunk=4,
        optimiser=Optimiser(learning_rate=1e-3),
    )
    return starting_point(config, report=lambda line: None)


def test_a_magiclens_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = write_lens(tmp_path / "lens")
    begun, (module, card) = start(folder, None), read_folder(folder)
    assert begun.preprocessing == card.preprocessing
    expected = module.state_dict()
    for name, tensor in begun.module.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_training_does_not_reach_the_folder_that_it_started_from(tmp_path: Path) -> None:
    folder = write_lens(tmp_path / "lens")
    begun = start(folder, None)
    with torch.no_grad():
        for parameter in begun.module.parameters():
            parameter.zero_()
    assert read_folder(folder)[0].clip.text_projection.abs().sum() > 0


def test_on_a_clip_texts_and_pictures_keep_their_embeddings(tmp_path: Path) -> None:
    folder = write_clip(tmp_path / "clip")
    begun = start(folder, FUSION)
    made = Trained("made", begun.module, begun.preprocessing, "a test")
    write_magiclens(tmp_path / "made", made)
    before, after = (
        load_encoder(str(each), choose_placement("cpu"), print)
        for each in (folder, tmp_path / "made")
    )
    assert len(after.spaces) == 2
    pixels = [before.prepare(picture) for picture in PICTURES]
    assert np.array_equal(pixels, [after.prepare(picture) for picture in PICTURES])
    expected = before.encode_images(pixels)
    np.testing.assert_allclose(after.encode_images(pixels)[:, :16], expected, atol=1e-5)
    np.testing.assert_allclose(after.encode_texts(TEXTS), before.encode_texts(TEXTS), atol=1e-5)


def test_a_fresh_fusion_is_drawn_by_the_seed(tmp_path: Path) -> None:
    folder = write_clip(tmp_path / "clip")
    drawn, again, other = (start(folder, FUSION, seed) for seed in (3, 3, 4))
    name = "multimodal_encoder.layers.0.feed_forward.0.weight"
    one, two, three = (each.module.state_dict()[name] for each in (drawn, again, other))
    assert torch.equal(one, two) and not torch.equal(one, three)
    assert float(one.std()) == pytest.approx(16**-0.5, rel=0.1)  # over 16 inputs
    assert drawn.revision == other.revision  # of the CLIP alone


def test_a_clip_needs_sizes_of_a_fusion_and_a_magiclens_has_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"fusion: missing, and .*clip is no MagicLens folder"):
        start(write_clip(tmp_path / "clip"), None)
    with pytest.raises(InputError, match=r"fusion: .*lens is a MagicLens and has one"):
        start(write_lens(tmp_path / "lens"), FUSION)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"quick_gelu": False}, "embeddings of pictures are not .* another activation"),
        ({"vision_cfg": {**VISION, "layers": [1, 1, 1, 1]}}, "its towers are not CLIP's"),
        ({"vision_cfg": {**VISION, "pool_type": "avg"}}, "embeddings of pictures are not"),
        ({"text_cfg": {**TEXT, "proj_bias": True}}, "its towers are not CLIP's"),
        ({"text_cfg": {**TEXT, "vocab_size": 49410}}, "its tokenizer is not CLIP's"),
        (
            {"preprocessing": Preprocessing(16, 16, (0.5,) * 3, (0.5,) * 3)},
            "another mean and deviation than CLIP's",
        ),
    ],
)
def test_a_clip_that_a_magiclens_does_not_hold_is_refused(
    tmp_path: Path, changed: dict[str, Any], named: str
) -> None:
    with pytest.raises(ModelError, match=named):
        start(write_clip(tmp_path / "clip", **changed), FUSION)
