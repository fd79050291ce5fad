"""A converted MagicLens behind Pictor's seams: two spaces in one pass, and its composer."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.composers.composer import Asked, compose_now
from models.composers.registry import Composers
from models.decode import decode
from models.device import choose_placement
from models.encoders import Prompt, by_space
from models.errors import InputError, ModelError
from models.load import load_encoder
from models.magiclens.encoder import FoldedTokenizer, MagicLensEncoder
from models.magiclens.folder import convert
from models.openclip import clip_tokenizer
from models.preprocess import Preprocessing, normalise
from models.query import Query
from models.vectors import unit_vector

CHECKPOINT = Path(__file__).parents[1] / "data" / "magiclens" / "magic_lens_tiny.pkl"


def load(folder: Path, dtype: str = "float32") -> MagicLensEncoder:
    encoder = load_encoder(str(folder), choose_placement("cpu", dtype), announce=print)
    assert isinstance(encoder, MagicLensEncoder)
    return encoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models") / "tiny-lens"
    convert(CHECKPOINT, place)
    return place


@pytest.fixture(scope="module")
def encoder(folder: Path) -> MagicLensEncoder:
    return load(folder)


def noise(seed: int, brightest: int = 255) -> Image.Image:
    samples = np.random.default_rng(seed).integers(0, brightest + 1, (50, 70, 3), dtype=np.uint8)
    return Image.fromarray(samples)


def test_texts_are_compared_in_clips_space_and_pictures_in_magiclenss(
    encoder: MagicLensEncoder,
) -> None:
    clip, fused = encoder.spaces
    assert encoder.space == clip != fused
    assert (clip.model, fused.model) == ("tiny-lens:clip", "tiny-lens")
    assert clip.revision != fused.revision


def test_a_gallery_picture_is_fused_with_no_words_in_the_same_pass(
    encoder: MagicLensEncoder,
) -> None:
    (row,) = encoder.encode_images([encoder.prepare(noise(1))])
    clip, fused = by_space(row, encoder.spaces).values()
    tokens = torch.zeros(1, 77, dtype=torch.long)
    tokens[0, :2] = torch.tensor([510, 511])  # the start and the end of a text
    with torch.inference_mode():
        no_words = encoder._module.encode_tokens(tokens).numpy()
    assert np.allclose(encoder.fuse(clip[None], no_words)[0], fused, atol=1e-5)


def test_the_composer_fuses_the_unscaled_clip_embeddings(encoder: MagicLensEncoder) -> None:
    (row,) = encoder.encode_images([encoder.prepare(noise(2))])
    picture = by_space(row, encoder.spaces)
    composer = Composers(encoder).named()
    assert composer.name == "magiclens"
    (question,) = compose_now(encoder, composer, [Asked(picture, ("at night", "in snow "))])
    text = encoder.encode_texts(["at night and in snow"])
    expected = unit_vector(encoder.fuse(picture[encoder.spaces[0]][None], text)[0])
    assert isinstance(question, Query)
    (probe,) = question.probes
    assert probe.space == encoder.spaces[1]
    assert np.allclose(probe.vector, expected, atol=1e-5)


def test_a_batch_is_composed_as_each_alone(encoder: MagicLensEncoder) -> None:
    rows = encoder.encode_images([encoder.prepare(noise(seed)) for seed in (3, 4, 5)])
    asked = [Asked(by_space(row, encoder.spaces), (f"number {n}",)) for n, row in enumerate(rows)]
    composer = Composers(encoder).named("magiclens")
    for each, question in zip(asked, compose_now(encoder, composer, asked), strict=True):
        (alone,) = compose_now(encoder, composer, [each])
        assert isinstance(alone, Query) and isinstance(question, Query)
        assert np.allclose(alone.probes[0].vector, question.probes[0].vector, atol=1e-5)


def test_every_composer_of_the_towers_works_in_clips_space(encoder: MagicLensEncoder) -> None:
    (row,) = encoder.encode_images([encoder.prepare(noise(6))])
    picture = by_space(row, encoder.spaces)
    for name in ("sum", "slerp"):
        composer = Composers(encoder).named(name)
        (question,) = compose_now(encoder, composer, [Asked(picture, ("at night",))])
        assert isinstance(question, Query)
        assert question.probes[0].space == encoder.spaces[0]


def test_in_bfloat16_the_spaces_keep_their_names_and_the_vectors_their_directions(
    folder: Path, encoder: MagicLensEncoder
) -> None:
    rough = load(folder, "bfloat16")
    assert rough.spaces == encoder.spaces
    pixels = [encoder.prepare(noise(seed)) for seed in range(4)]
    pairs = zip(rough.encode_images(pixels), encoder.encode_images(pixels), strict=True)
    for ours, exact in pairs:
        for space in encoder.spaces:
            a, b = (unit_vector(by_space(row, encoder.spaces)[space]) for row in (ours, exact))
            assert a @ b > 0.99


def test_other_preprocessing_in_the_card_is_another_space(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / folder.name
    convert(CHECKPOINT, other)
    card = other / "magiclens.json"
    card.write_text(card.read_text().replace('"own maximum"', '"full scale"'))
    assert all(a != b for a, b in zip(load(other).spaces, load(folder).spaces, strict=True))


def test_an_empty_instruction_is_refused(encoder: MagicLensEncoder) -> None:
    with pytest.raises(InputError, match="empty"):
        encoder.encode_texts(["  "])


def test_a_text_longer_than_the_context_is_known_to_be_cut(encoder: MagicLensEncoder) -> None:
    assert encoder.overlong(["a short one", "word " * 76, "word " * 75]) == [False, True, False]


def test_texts_that_are_read_ahead_give_the_very_same_rows(encoder: MagicLensEncoder) -> None:
    word = np.random.default_rng(0).standard_normal(encoder.word_width or 0, dtype=np.float32)
    prompts = [Prompt("a red dog"), Prompt("a photo of $", word), Prompt("word " * 76)]
    tokens = encoder.tokenise(prompts)
    assert [each.cut for each in tokens] == [False, False, True]
    np.testing.assert_array_equal(encoder.encode_tokens(tokens), encoder.encode_prompts(prompts))
    with pytest.raises(InputError, match="empty"):
        encoder.tokenise([Prompt(" ")])


def test_a_pseudo_word_changes_what_its_symbol_means(encoder: MagicLensEncoder) -> None:
    width = encoder.word_width
    assert width == 64
    words = np.random.default_rng(0).standard_normal((2, width), dtype=np.float32)
    prompts = [Prompt("a photo of $ that is red", word) for word in words]
    first, second = encoder.encode_prompts(prompts)
    assert not np.allclose(first, second, atol=1e-3)


def test_of_clips_own_vocabulary_the_tokens_are_clips() -> None:
    texts = ["two dogs in snow!", "ÄÖ 猫", "word " * 90]
    assert torch.equal(FoldedTokenizer(49408, 77)(texts), clip_tokenizer(77)(texts))


def test_a_smaller_vocabulary_folds_the_words_and_keeps_start_and_end() -> None:
    tokens = FoldedTokenizer(512, 77)(["two dogs", ""])
    assert tokens[1].tolist() == [510, 511] + [0] * 75
    assert tokens[0, 0] == 510 and tokens[0].max() == 511
    assert tokens[0].argmax() == 3


def test_a_folder_without_weights_is_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "magiclens.json").write_text((folder / "magiclens.json").read_text())
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load(tmp_path)


# the pixels of the published evaluation

LENS = Preprocessing(
    224,
    224,
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
    interpolation="bilinear",
    resize_mode="squash",
    white="own maximum",
)


def normalised(image: Image.Image) -> np.ndarray:
    pixels = torch.from_numpy(LENS.pixels(image)[None].copy())
    rows: np.ndarray = normalise(pixels, LENS, torch.float32)[0].permute(1, 2, 0).numpy()
    return rows


def published(image: Image.Image) -> np.ndarray:
    """Divided by the picture's own maximum and squashed without rounding, as the paper's code."""
    samples = torch.from_numpy(np.asarray(image, dtype=np.float32))
    scaled = (samples / samples.max().clamp(min=1e-12)).permute(2, 0, 1)[None]
    squashed = torch.nn.functional.interpolate(scaled, (224, 224), mode="bilinear", antialias=True)
    rows: np.ndarray = ((squashed[0].permute(1, 2, 0).numpy() - LENS.mean) / LENS.std).astype(
        np.float32
    )
    return rows


@pytest.mark.parametrize("brightest", [255, 254, 100, 20, 3, 0])
def test_pixels_are_the_published_ones_however_dark_the_picture(brightest: int) -> None:
    image = noise(7, brightest)
    assert np.abs(normalised(image) - published(image)).max() <= 0.01


def test_magiclens_preprocessing_parity_with_the_published_evaluation(
    magiclens_reference: Path, test_data: Path
) -> None:
    with np.load(magiclens_reference / "preprocessing.npz") as file:
        reference = dict(file)
    count = sum(name.startswith("file_") for name in reference)
    for number in range(count):
        photo = test_data / "photos" / str(reference[f"file_{number}"])
        expected = reference[f"pixels_{number}"].astype(np.float32)
        pixels = normalised(decode(photo.read_bytes()))
        assert np.abs(pixels - expected).max() <= 2e-2, photo.name
