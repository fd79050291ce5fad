"""A collection of many pictures in many shapes, made in seconds."""

from pathlib import Path

import numpy as np
from PIL import Image

from index.job import JobOptions, build_collection
from index.sources import FolderSource, Root
from tests.fakes import ColourEncoder

SHAPES = [(60, 40), (40, 60), (48, 48), (96, 40), (36, 64), (64, 48), (80, 45)]


def build_many(place: Path, count: int) -> Path:
    """A collection of `count` pictures whose colours all differ."""
    pictures = place / "pictures"
    pictures.mkdir()
    colours = np.random.default_rng(0).permutation(256**3)[:count]
    for number, colour in enumerate(colours):
        rgb = (int(colour) >> 16, int(colour) >> 8 & 255, int(colour) & 255)
        shape = SHAPES[number % len(SHAPES)]
        Image.new("RGB", shape, rgb).save(pictures / f"{number:05}.png", compress_level=1)
    source = FolderSource(Root("pictures", pictures))
    options = JobOptions(threads=1)
    build_collection(place / "collection", [source], ColourEncoder(), model="c", options=options)
    return place / "collection"
