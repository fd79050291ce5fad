"""Triplets of coloured pictures, and a MagicLens of a few thousand weights to train on them.

A picture is of one colour, with a black bar along one of its sides; "make it red" leads to the
picture of that bar in red.
"""

import io
from pathlib import Path

from PIL import Image

from models.magiclens.folder import convert
from models.magiclens.sizes import MagicLensSizes
from tests.fakes import COLOURS
from tests.models.magiclens_checkpoints import save_random
from training.triplets.shards import Sharding, write_shards
from training.triplets.triplet import Triplet

SIDE = 16
BARS = {"left": (0, 0, 4, 16), "right": (12, 0, 16, 16), "top": (0, 0, 16, 4)}
NAMES = ("red", "green", "blue", "yellow")
SIZES = MagicLensSizes(
    dimension=16,
    vision_width=16,
    vision_layers=1,
    vision_heads=2,
    patch=4,
    resolution=SIDE,
    text_width=16,
    text_layers=1,
    text_heads=2,
    context=12,
    vocabulary=200,
    fusion_layers=1,
    fusion_heads=2,
    fusion_inner=32,
    pooler_heads=2,
)


def coloured(colour: str, bar: str) -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), COLOURS[colour])
    image.paste((0, 0, 0), BARS[bar])
    return image


def picture_file(colour: str, bar: str) -> bytes:
    file = io.BytesIO()
    coloured(colour, bar).save(file, "PNG")
    return file.getvalue()


def triplets(negatives: int = 0) -> list[Triplet]:
    """All 36; mined negatives have the query's colour, and another bar."""
    found = []
    for bar in BARS:
        others = [other for other in BARS if other != bar]
        for colour in NAMES:
            for wanted in NAMES:
                if wanted != colour:
                    mined = tuple(picture_file(colour, other) for other in others[:negatives])
                    ids = (f"{colour} {bar}", f"{wanted} {bar}")
                    pictures = picture_file(colour, bar), picture_file(wanted, bar)
                    found.append(Triplet(*pictures, f"make it {wanted}", ids, "colours", mined))
    return found


def write_triplets(folder: Path, negatives: int = 0, samples: int = 10) -> Path:
    """As shards of some archives."""
    write_shards(triplets(negatives), folder, Sharding(samples=samples))
    return folder


def write_lens(folder: Path) -> Path:
    checkpoint = folder.with_name(f"{folder.name}.pkl")
    convert(save_random(checkpoint, SIZES), folder)
    return folder
