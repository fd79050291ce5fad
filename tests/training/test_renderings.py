"""Photographs redrawn in another medium, and the words for it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from training.config import CaptionedPictures
from training.corpus import build_corpus, captioned_sources, decode_sources
from training.rendered_corpus import MEDIA, build_rendered_corpus
from training.renderings import WORDS, Pixels, render

SIDE = 64


def disc() -> Pixels:
    """A red disc on light grey, and something black in the corner."""
    image = Image.new("RGB", (SIDE, SIDE), (200, 200, 200))
    draw = ImageDraw.Draw(image)
    draw.ellipse((16, 16, 48, 48), fill=(150, 20, 20))
    draw.rectangle((54, 54, 63, 63), fill=(0, 0, 0))
    return np.asarray(image)


def rendered(medium: str, seed: int = 0) -> Pixels:
    return render(disc(), medium, np.random.default_rng(seed))


@pytest.mark.parametrize("medium", MEDIA)
def test_a_rendering_keeps_the_shape_and_is_the_same_for_the_same_generator(medium: str) -> None:
    first = rendered(medium)
    assert first.shape == (SIDE, SIDE, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, rendered(medium))
    assert not np.array_equal(first, rendered(medium, seed=1))


@pytest.mark.parametrize("seed", range(5))
def test_a_drawing_is_dark_lines_along_edges_on_white(seed: int) -> None:
    drawn = rendered("drawing", seed).astype(int)
    assert np.array_equal(drawn[..., 0], drawn[..., 1])  # grey
    assert (drawn[..., 0] > 200).mean() > 0.6
    ring = drawn[32, 12:22, 0]  # across the disc's left edge
    assert ring.min() < 128
    assert drawn[:6, :6].min() > 200 and drawn[30:34, 30:34].min() > 200


@pytest.mark.parametrize("seed", range(5))
def test_a_cartoon_is_a_few_strong_colours(seed: int) -> None:
    cartoon = rendered("cartoon", seed).astype(int)
    red, green, blue = cartoon[32, 32]
    assert red > green + 60 and red > blue + 60
    assert len(np.unique(cartoon[26:38, 26:38].reshape(-1, 3), axis=0)) <= 4


@pytest.mark.parametrize("seed", range(5))
def test_a_painting_still_shows_what_it_is_of(seed: int) -> None:
    painting = rendered("painting", seed).astype(float)
    inside, outside = painting[26:38, 26:38].mean(), painting[:8, :8].mean()
    assert inside < outside - 40


def test_a_corpus_is_redrawn_once_and_its_captions_say_how(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    lines = ["file\tsplit\tcaption"]
    for number in range(6):
        Image.fromarray(disc()).save(tmp_path / "images" / f"{number}.png")
        lines.append(f"{number}.png\ttrain\tTwo dogs run .")
    (tmp_path / "captions.tsv").write_text("\n".join(lines) + "\n")
    section = CaptionedPictures(table=Path("captions.tsv"), folder=Path("images"))
    sources = list(captioned_sources(tmp_path, section))
    corpus = build_corpus(sources, decode_sources(sources, 32, 1), tmp_path, None)
    made = build_rendered_corpus(corpus, 7, tmp_path, workers=1)
    assert made.pixels.shape == (6, 32, 32, 3)
    (file,) = tmp_path.glob("rendered-*.npy")
    changed_at = file.stat().st_mtime_ns
    again = build_rendered_corpus(corpus, 7, tmp_path, workers=1)
    np.testing.assert_array_equal(again.pixels, made.pixels)
    assert file.stat().st_mtime_ns == changed_at
    words = WORDS[MEDIA[made.media[0]]]
    random = np.random.default_rng(0)
    named = {f"{'an' if word[0] in 'aeiou' else 'a'} {word} of " for word in words}
    assert made.caption(0, "a photo of a dog", random).endswith(" of a dog")
    said = made.caption(0, "Two dogs run .", random)
    assert said.removesuffix("two dogs run .") in named
