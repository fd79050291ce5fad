"""Photographs redrawn by image filters: line drawings, cartoons, paintings.

render(pixels, medium, random): uint8 (side, side, 3) -> the same shape, in one of the media; its
strength, and what there is to choose in it, are drawn by the generator. WORDS are what captions
call each medium. A tower that has seen photographs in them knows them as media, and knows what is
drawn, without one picture that was made in the medium itself.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

Pixels = NDArray[np.uint8]
Random = np.random.Generator

WORDS = {
    "drawing": ("sketch", "line drawing", "pencil drawing", "drawing"),
    "cartoon": ("cartoon", "cartoon drawing", "comic"),
    "painting": ("painting", "oil painting", "art painting"),
}


def render(pixels: Pixels, medium: str, random: Random) -> Pixels:
    return np.asarray(RENDERERS[medium](Image.fromarray(pixels), random))


def _drawing(image: Image.Image, random: Random) -> Image.Image:
    """Dark lines on white along the strongest edges: a difference of Gaussians, thinned."""
    strength = _edges(image, random.uniform(0.8, 2.0), random)
    if random.random() < 0.7:
        strength = (strength > random.uniform(0.45, 0.7)).astype(np.float32)
    drawn = Image.fromarray((255 * (1 - strength)).astype(np.uint8))
    if random.random() < 0.5:
        drawn = drawn.filter(ImageFilter.MedianFilter(3))  # loses the specks
    if random.random() < 0.2:
        drawn = drawn.filter(ImageFilter.MinFilter(3))
    return drawn.convert("RGB")


def _edges(image: Image.Image, blur_px: float, random: Random) -> NDArray[np.float32]:
    """(side, side) in 0..1, 1 along what is darkest against its surroundings."""
    grey = image.convert("L")
    narrow = np.asarray(grey.filter(ImageFilter.GaussianBlur(blur_px)), dtype=np.float32)
    wide = np.asarray(grey.filter(ImageFilter.GaussianBlur(1.6 * blur_px + 0.6)), np.float32)
    darker = np.maximum(wide - narrow, 0)
    strongest = np.percentile(darker, random.uniform(95, 98.5)) + 2
    strength: NDArray[np.float32] = np.clip(darker / strongest, 0, 1).astype(np.float32)
    return strength


def _cartoon(image: Image.Image, random: Random) -> Image.Image:
    """Flat, strong, light colours between dark outlines."""
    flat = image.filter(ImageFilter.MedianFilter(5))
    flat = flat.filter(ImageFilter.ModeFilter(int(random.choice([5, 7]))))
    light = np.asarray(ImageOps.autocontrast(flat, cutoff=1), dtype=np.float32) / 255
    dark = max(float(light.mean()), 0.05)
    light = light ** min(1.0, np.log(random.uniform(0.5, 0.65)) / np.log(min(dark, 0.95)))
    flat = ImageOps.posterize(Image.fromarray((255 * light).astype(np.uint8)), 3)
    flat = ImageEnhance.Color(flat).enhance(random.uniform(1.4, 2.4))
    lines = _edges(image, random.uniform(0.7, 1.5), random)
    inked = (lines > 0.5) if random.random() < 0.5 else lines
    outlined = np.asarray(flat, dtype=np.float32) * (1 - random.uniform(0.6, 1) * inked[..., None])
    return Image.fromarray(outlined.astype(np.uint8))


def _painting(image: Image.Image, random: Random) -> Image.Image:
    """Patches of one colour, as strokes leave them, in tones of their own, on canvas."""
    small = image.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 1.2)))
    strokes = small.filter(ImageFilter.ModeFilter(int(random.choice([5, 7, 9]))))
    vivid = ImageEnhance.Color(strokes).enhance(random.uniform(0.9, 2.2))
    toned = np.asarray(vivid, dtype=np.float32) * random.uniform(0.8, 1.2, size=3)
    toned = toned + random.uniform(-25, 25, size=3)
    grain = random.normal(0, random.uniform(1, 6), size=(*toned.shape[:2], 1))
    return Image.fromarray(np.clip(toned + grain, 0, 255).astype(np.uint8))


RENDERERS: dict[str, Callable[[Image.Image, Random], Image.Image]] = {
    "drawing": _drawing,
    "cartoon": _cartoon,
    "painting": _painting,
}
