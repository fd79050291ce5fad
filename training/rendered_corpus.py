"""Photographs of a corpus, each redrawn once in another medium, with captions that say so.

Redrawing is spread over processes and kept in a file beside the run's checkpoints, named by seed,
count and size. "a photo of a dog" becomes "a sketch of a dog", "Two dogs run." "a sketch of two
dogs run.".
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.scenes import drawing_pool
from training.corpus import Corpus
from training.renderings import WORDS, Pixels, render

CHUNK = 256
MEDIA = tuple(WORDS)


@dataclass(frozen=True)
class RenderedCorpus:
    """Row i is photograph i of the corpus."""

    pixels: NDArray[np.uint8]  # (count, px, px, 3)
    media: NDArray[np.int64]  # (count,): positions in MEDIA

    def caption(self, row: int, photograph: str, random: np.random.Generator) -> str:
        word = str(random.choice(WORDS[MEDIA[self.media[row]]]))
        said = photograph.removeprefix("a photo of ")
        article = "an" if word[0] in "aeiou" else "a"
        return f"{article} {word} of {said[:1].lower()}{said[1:]}"


def build_rendered_corpus(corpus: Corpus, seed: int, folder: Path, workers: int) -> RenderedCorpus:
    count, px = corpus.pixels.shape[:2]
    random = np.random.default_rng([seed, 1])
    media = np.asarray(random.integers(0, len(MEDIA), size=count), dtype=np.int64)
    file = folder / f"rendered-{seed}-{count}-{px}.npy"
    if not file.exists():
        _render_all(corpus.pixels, media, seed, file, workers)
    return RenderedCorpus(np.load(file, mmap_mode="r"), media)


def _render_all(
    pixels: Pixels, media: NDArray[np.int64], seed: int, file: Path, workers: int
) -> None:
    unfinished = file.with_suffix(".tmp.npy")
    rendered = np.lib.format.open_memmap(unfinished, "w+", np.uint8, pixels.shape)
    starts = range(0, len(pixels), CHUNK)
    with drawing_pool(workers) as pool:
        chunks = [pixels[start : start + CHUNK] for start in starts]
        kinds = [media[start : start + CHUNK] for start in starts]
        for start, rows in zip(
            starts, pool.map(_render_chunk, chunks, kinds, [(seed, s) for s in starts]), strict=True
        ):
            rendered[start : start + len(rows)] = rows
    rendered.flush()
    unfinished.replace(file)


def _render_chunk(pixels: Pixels, media: NDArray[np.int64], seed: tuple[int, int]) -> Pixels:
    random = np.random.default_rng([*seed, 2])
    return np.stack(
        [render(each, MEDIA[medium], random) for each, medium in zip(pixels, media, strict=True)]
    )
