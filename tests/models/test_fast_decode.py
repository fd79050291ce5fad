"""--fast-decode: large JPEGs are decoded at a fraction of their size, in a space of its own."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import ExifTags, Image

from index.jobs.reading import Missing, PictureDecoder
from models.decode import DecodeLimits, decode
from models.device import Placement, choose_placement
from models.errors import ImageError, ModelError
from models.fusion_head import FusionHead, HeadSizes, PinnedHead, write_head
from models.load import Encoder, fast_decoding, load_encoder, portable
from models.openclip_encoder import LoadedModel, OpenClipEncoder
from models.preprocess import Preprocessing
from models.vectors import unit
from tests.training.tiny import DIMENSION, gallery_model

PLAIN = Preprocessing(224, 224, (0.5,) * 3, (0.5,) * 3)
QUARTER_TURN = 6


def smooth(width: int, height: int) -> Image.Image:
    """Brighter to the right and to the bottom."""
    across, down = np.meshgrid(np.linspace(0, 200, width), np.linspace(0, 50, height))
    return Image.fromarray((across + down).astype(np.uint8)).convert("RGB")


def encoded(image: Image.Image, format: str = "JPEG", orientation: int = 1) -> bytes:  # noqa: A002
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    buffer = io.BytesIO()
    image.save(buffer, format, exif=exif)
    return buffer.getvalue()


def load(reference: str) -> Encoder:
    return load_encoder(reference, choose_placement("cpu"), announce=print)


@pytest.mark.parametrize(
    ("size", "decoded"),
    [
        ((1600, 1200), (800, 600)),
        ((1601, 1201), (801, 601)),
        ((4000, 3000), (1000, 750)),
        ((900, 896), (450, 448)),
        ((895, 4000), (895, 4000)),  # its half would have a side below 448
        ((100, 50), (100, 50)),
    ],
)
def test_a_jpeg_is_scaled_as_far_as_both_sides_stay_long_enough(
    size: tuple[int, int], decoded: tuple[int, int]
) -> None:
    assert decode(encoded(smooth(*size)), least_side=448).size == decoded


def test_a_grey_one_is_scaled_too() -> None:
    image = decode(encoded(smooth(1600, 1200).convert("L")), least_side=448)
    assert (image.mode, image.size) == ("RGB", (800, 600))


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF"])
def test_other_formats_are_decoded_exactly(name: str) -> None:
    data = encoded(smooth(1000, 1000), name)
    assert decode(data, least_side=100).tobytes() == decode(data).tobytes()


def test_a_scaled_picture_stands_upright_and_looks_the_same() -> None:
    data = encoded(smooth(1600, 1200), orientation=QUARTER_TURN)
    fast, exact = decode(data, least_side=448), decode(data)
    assert (fast.size, exact.size) == ((600, 800), (1200, 1600))
    halved = exact.reduce(2)
    assert np.abs(np.asarray(fast, float) - np.asarray(halved, float)).max() < 8


def test_a_jpeg_cut_short_is_refused_all_the_same() -> None:
    data = encoded(smooth(1600, 1200))
    with pytest.raises(ImageError):
        decode(data[: len(data) // 2], least_side=448)


def test_only_what_is_not_exact_is_a_setting_of_the_space() -> None:
    assert "decoding" not in PLAIN.settings()
    assert replace(PLAIN, decoding="scaled").settings() == {
        **PLAIN.settings(),
        "decoding": "scaled",
    }


def test_the_size_to_resize_to_counts_where_it_is_larger_than_the_crop() -> None:
    assert PLAIN.least_side is None
    assert replace(PLAIN, decoding="scaled").least_side == 448
    assert replace(PLAIN, decoding="scaled", resize_to=256).least_side == 512


def test_a_model_that_wants_the_brightest_point_of_a_picture_is_not_given_averages() -> None:
    with pytest.raises(ModelError, match="fast decoding"):
        replace(PLAIN, white="own maximum", resize_mode="squash", decoding="scaled")


def test_a_model_with_fast_decoding_writes_for_a_space_of_its_own() -> None:
    exact, fast = load("starter"), load("starter+fast-decode")
    assert fast.space != exact.space
    assert str(fast.space).startswith("starter+fast-decode@")
    assert fast.preprocessing == replace(exact.preprocessing, decoding="scaled")


def test_an_encoder_decodes_as_its_space_says() -> None:
    data = encoded(smooth(1600, 1200))
    assert load("starter").decode(data).size == (1600, 1200)
    assert max(load("starter+fast-decode").decode(data).size) < 1600


def test_the_word_for_it_is_said_once_and_survives_being_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    reference = fast_decoding("model")
    assert reference == fast_decoding(reference) == "model+fast-decode"
    assert portable(reference) == f"{tmp_path / 'model'}+fast-decode"
    assert portable("ViT-B-32/openai+fast-decode") == "ViT-B-32/openai+fast-decode"


def test_a_folder_of_that_very_name_is_a_model_like_any_other(tmp_path: Path) -> None:
    encoder = load(str(gallery_model(tmp_path / "mine+fast-decode")))
    assert encoder.preprocessing.decoding == "exact"


def test_a_head_is_of_the_same_towers_whichever_way_pictures_are_decoded(tmp_path: Path) -> None:
    folder = gallery_model(tmp_path / "model")
    head = FusionHead(HeadSizes(DIMENSION, inner=32, heads=2, layers=1))
    write_head(folder, PinnedHead(head, load(str(folder)).space.revision, {}))
    fast = load(fast_decoding(str(folder)))
    assert fast.fused_space == fast.space != load(str(folder)).space


def test_a_collection_says_how_large_the_whole_picture_is() -> None:
    data = encoded(smooth(1600, 1200), orientation=QUARTER_TURN)
    decoder = PictureDecoder(load("starter+fast-decode"), DecodeLimits())
    decoded = decoder(Missing("0" * 32, data, vector=True, thumbnail=True))
    assert (decoded.item.width, decoded.item.height) == (1200, 1600)
    assert decoded.thumbnail is not None
    assert max(Image.open(io.BytesIO(decoded.thumbnail)).size) == 320


@pytest.mark.slow
def test_every_photo_embeds_nearly_as_decoded_exactly(test_data: Path) -> None:
    torch.manual_seed(0)
    module = open_clip.create_model("ViT-B-32").eval()
    colours = tuple(module.visual.image_mean), tuple(module.visual.image_std)
    exact = Preprocessing(224, 224, *colours)
    loaded = LoadedModel(module, open_clip.get_tokenizer("ViT-B-32"), exact, {})
    encoder = OpenClipEncoder("ViT-B-32", loaded, Placement(torch.device("cpu"), torch.float32))
    least_side = replace(exact, decoding="scaled").least_side
    scaled = 0
    for file in sorted((test_data / "photos").iterdir()):
        data = file.read_bytes()
        whole, fast = decode(data), decode(data, least_side=least_side)
        if fast.size != whole.size:  # the others are the same picture
            scaled += 1
            rows = encoder.encode_images([encoder.prepare(image) for image in (whole, fast)])
            one, other = unit(rows)[0]
            assert one @ other >= 0.995, file.name
    assert scaled
