"""What fine-tuning learns from: pictures as the model would be shown them, and their captions.

gather_captioned(config, preprocessing, threads, report): every picture that the configuration
names, cut and scaled as the model cuts and scales (at `picture_px` where it is given), and, where
it asks for renderings, redrawn in that medium, each by the run's seed and its own number. All are
held in memory, 3 bytes a pixel. Raises InputError, naming the file, for what cannot be read.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.decode import decode
from models.errors import ImageError, InputError
from models.preprocess import Pixels, Preprocessing
from training.corpus import Corpus, Source, build_corpus, captioned_sources, class_sources
from training.finetune_config import FinetuneConfig
from training.rendered_corpus import MEDIA, RenderedCorpus
from training.renderings import render
from training.state import Report
from training.views import jittered

Rows = NDArray[np.int64]
Pictures = NDArray[np.uint8]  # (count, height, width, 3)


@dataclass(frozen=True)
class Captioned:
    corpus: Corpus
    rendered: RenderedCorpus | None  # words the captions, where the pictures were redrawn

    def texts(self, rows: Rows, random: np.random.Generator) -> list[str]:
        """A caption for each row, of those that it has."""
        said = [str(random.choice(self.corpus.captions[row])) for row in rows]
        if self.rendered is None:
            return said
        return [
            self.rendered.caption(row, text, random)
            for row, text in zip(rows.tolist(), said, strict=True)
        ]


def gather_captioned(
    config: FinetuneConfig, preprocessing: Preprocessing, threads: int, report: Report
) -> Captioned:
    sources = [s for section in config.captions for s in captioned_sources(config.data, section)]
    sources += [s for section in config.classes for s in class_sources(config.data, section)]
    if not sources:
        raise InputError(f"{config.data}: classes: expected pictures, found 0")
    report(f"decoding {len(sources)} pictures")
    pixels = _prepared(sources, scaled(preprocessing, config.picture_px), threads)
    corpus = build_corpus(sources, pixels, config.data, None)
    if config.renderings is None:
        return Captioned(corpus, None)
    report(f"redrawing {len(sources)} pictures")
    redrawn = _redrawn(pixels, config.renderings, config.seed, threads)
    media = np.full(len(sources), MEDIA.index(config.renderings))
    return Captioned(replace(corpus, pixels=redrawn), RenderedCorpus(redrawn, media))


def view_boxes(
    config: FinetuneConfig, count: int, random: np.random.Generator
) -> NDArray[np.float32]:
    """(count, 4) of left, top, right, bottom in 0..1: crops, some of them mirrored."""
    sides = random.uniform(config.smallest_crop, 1, size=(count, 2))
    corners = random.uniform(0, 1, size=(count, 2)) * (1 - sides)
    boxes = np.concatenate([corners, corners + sides], axis=1).astype(np.float32)
    mirrored = random.random(count) < config.mirrored_share
    boxes[mirrored] = boxes[mirrored][:, [2, 1, 0, 3]]
    return jittered(boxes, config.jitter, random)


def scaled(preprocessing: Preprocessing, shortest_px: int | None) -> Preprocessing:
    """The same part of a picture, at another size."""
    if shortest_px is None:
        return preprocessing
    share = shortest_px / min(preprocessing.height, preprocessing.width)
    resize_to = preprocessing.resize_to
    return replace(
        preprocessing,
        height=round(preprocessing.height * share),
        width=round(preprocessing.width * share),
        resize_to=None if resize_to is None else round(resize_to * share),
    )


def _prepared(sources: Sequence[Source], preprocessing: Preprocessing, threads: int) -> Pictures:
    def prepared(source: Source) -> Pixels:
        try:
            return preprocessing.pixels(decode(source.data))
        except ImageError as error:
            raise InputError(f"{source.name}: {error}") from error

    shape = (len(sources), preprocessing.height, preprocessing.width, 3)
    pixels = np.empty(shape, dtype=np.uint8)
    with ThreadPoolExecutor(threads) as pool:
        for row, made in enumerate(pool.map(prepared, sources)):
            pixels[row] = made
    return pixels


def _redrawn(pixels: Pictures, medium: str, seed: int, threads: int) -> Pictures:
    def redrawn(row: int) -> Pixels:
        return render(pixels[row], medium, np.random.default_rng([seed, row]))

    drawn = np.empty_like(pixels)
    with ThreadPoolExecutor(threads) as pool:
        for row, made in enumerate(pool.map(redrawn, range(len(pixels)))):
            drawn[row] = made
    return drawn
