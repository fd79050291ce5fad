"""What a fine-tuned model has learned, and what it has forgotten.

    python -m benchmarks.forgetting --data DATA --run configs/finetune-sketches.toml MODEL...

DATA holds caltech101/ and flickr8k/. The pictures of the classes that the run's configuration
leaves out are redrawn as drawings, with another seed than the run's; nothing was learned from them.
Of each model: how well a drawing finds the others of its class (mAP), and "a sketch of a CLASS"
drawings of it (P@10), among all those drawings; and R@10 both ways on Flickr8k dev, which says what
was forgotten. Name the model that was adapted first.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.metrics import map_at_k, precision_at_k
from evaluation.tables import read_table
from models.decode import decode
from models.device import choose_placement
from models.encoders import DualEncoder
from models.load import load_encoder
from models.vectors import unit
from training.finetune_config import FinetuneConfig
from training.kinds import read_config
from training.renderings import render

SEED = 90210
BATCH = 64
PX = 128
FIGURES = (
    "drawing to drawings, mAP",
    "text to drawings, P@10",
    "dev, text to picture, R@10",
    "dev, picture to text, R@10",
)


def main() -> None:
    arguments = _arguments()
    run = read_config(arguments.run)
    if not isinstance(run, FinetuneConfig) or not run.classes:
        raise SystemExit(f"{arguments.run}: expected a fine-tuning run that leaves classes out")
    drawings, classes = _drawings(arguments.data / run.classes[0].path, run.classes[0].exclude)
    photographs, captions = _captioned(arguments.data / "flickr8k")
    counted = f"{len(drawings)} drawings of {len(set(classes))} classes"
    print(f"{counted}, {len(photographs)} photographs")
    print("| model | " + " | ".join(FIGURES) + " |")
    print("|---" * (len(FIGURES) + 1) + "|")
    for reference in arguments.models:
        encoder = load_encoder(reference, choose_placement("cpu"), print)
        figures = [
            *_on_drawings(encoder, drawings, classes),
            *_on_captions(encoder, photographs, captions),
        ]
        print(f"| {reference} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, default=Path("configs/finetune-sketches.toml"))
    parser.add_argument("models", nargs="+", metavar="MODEL")
    return parser.parse_args()


def _drawings(folder: Path, names: Sequence[str]) -> tuple[list[Image.Image], list[str]]:
    files = [file for name in names for file in sorted((folder / name).iterdir())]
    drawn = []
    for row, file in enumerate(files):
        photograph = decode(file.read_bytes()).resize((PX, PX), Image.Resampling.BICUBIC)
        random = np.random.default_rng([SEED, row])
        drawn.append(Image.fromarray(render(np.asarray(photograph), "drawing", random)))
    return drawn, [file.parent.name for file in files]


def _captioned(folder: Path) -> tuple[list[Image.Image], list[tuple[str, int]]]:
    """The pictures of the dev split; and its captions, each with its picture's row."""
    table = read_table(folder / "captions.tsv", ("file", "split", "caption"))
    rows = [row for row in table if row["split"] == "dev"]
    row_of = {file: row for row, file in enumerate(dict.fromkeys(row["file"] for row in rows))}
    pictures = [decode((folder / "images" / file).read_bytes()) for file in row_of]
    return pictures, [(row["caption"], row_of[row["file"]]) for row in rows]


def _on_drawings(
    encoder: DualEncoder, drawings: Sequence[Image.Image], classes: Sequence[str]
) -> tuple[float, float]:
    pictures = _pictures(encoder, drawings)
    names, of = np.unique(classes, return_inverse=True)
    similar = pictures @ pictures.T
    np.fill_diagonal(similar, -np.inf)
    every = range(len(drawings))
    others = [frozenset(np.flatnonzero(of == of[row]).tolist()) - {row} for row in every]
    found = map_at_k(_ranked(similar), _keys(others))
    texts = encoder.encode_texts([f"a sketch of a {name.replace('_', ' ')}" for name in names])
    ranked = _ranked(unit(texts)[0] @ pictures.T)
    of_class = [frozenset(np.flatnonzero(of == number).tolist()) for number in range(len(names))]
    return found, precision_at_k(ranked, _keys(of_class), 10)


def _on_captions(
    encoder: DualEncoder, photographs: Sequence[Image.Image], captions: Sequence[tuple[str, int]]
) -> tuple[float, float]:
    pictures = _pictures(encoder, photographs)
    texts = unit(encoder.encode_texts([caption for caption, _ in captions]))[0]
    similar = texts @ pictures.T
    own = np.array([row for _, row in captions])
    there = (similar > similar[np.arange(len(own)), own][:, None]).sum(axis=1)
    best = np.array([similar[own == row, row].max() for row in range(len(pictures))])
    back = (similar > best).sum(axis=0)
    return float((there < 10).mean()), float((back < 10).mean())


def _pictures(encoder: DualEncoder, images: Sequence[Image.Image]) -> NDArray[np.float32]:
    """(pictures, dim), unit length."""
    prepared = [encoder.prepare(image) for image in images]
    batches = [prepared[start : start + BATCH] for start in range(0, len(prepared), BATCH)]
    return unit(np.concatenate([encoder.encode_images(batch) for batch in batches]))[0]


def _ranked(similar: NDArray[np.float32]) -> list[list[str]]:
    return [[str(row) for row in order] for order in np.argsort(-similar, axis=1, kind="stable")]


def _keys(rows: Sequence[frozenset[int]]) -> list[frozenset[str]]:
    return [frozenset(map(str, members)) for members in rows]


if __name__ == "__main__":
    main()
