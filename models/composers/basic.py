"""BASIC: training-free composition from two similarities, each made to mean what it should.

Source: Psomas et al., "Instance-Level Composed Image Retrieval", NeurIPS 2025, its preset step by
step. With unit vectors q (picture) and x (gallery), and means m_v of pictures and m_t of subjects:

- t: the mean of the unit embeddings of "{subject} {instruction}" and "{instruction} {subject}" over
  100 subjects, of unit length again.
- P: onto the at most 250 eigenvectors of positive eigenvalue of (1 - a) S_subjects - a S_styles,
  a = 0.2, both scatters about m_t; 1e-5 is added to every entry, as published.
- query expansion: v = P(q - m_v); of its 25 nearest and of q itself, the centred vectors' mean with
  weights exp(0.1 s), s being v (x - m_v), and 1 for q; projected again.
- s_i = v (x - m_v), s_t = (t - m_t) (x - m_v); from each its least value over a calibration set is
  taken, both are divided by the size of the image one's, and nothing is left below zero.
- score = s_i s_t - 0.1 (s_i + s_t)^2.

Pictor's own: the two corpora (`corpora/`; published are larger lists), m_v from the collection
itself (published: of LAION-1M for CLIP), and the calibration set, which is a sample of at most 500
of the collection's pictures with the corpora's texts (published: generated pictures and captions).
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.composers.composer import Asked, Tools
from models.encoders import DualEncoder, Prompt
from models.query import GalleryView, Pending, Probe, Query, Question, Similarities
from models.space import Space
from models.vectors import Embeddings, Vector, unit, unit_vector

CORPORA = Path(__file__).parent / "corpora"
CONTEXTS = 100
STYLES_WEIGHT = 0.2
COMPONENTS = 250
NEIGHBOURS = 25
SHARPNESS = 0.1
HARRIS = 0.1
CALIBRATION = 500
EVERY_ENTRY = 1e-5
BATCH = 128


@dataclass(frozen=True)
class HarrisFusion:
    """s_i = max(0, a_i p_i + b_i), s_t likewise; s_i s_t - weight (s_i + s_t)^2.

    p are the similarities to the two probes, of the picture and of the text.
    """

    image_scale: float
    image_shift: float
    text_scale: float
    text_shift: float
    weight: float = HARRIS
    name: str = field(default="harris", init=False)
    takes: int = field(default=2, init=False)

    def __post_init__(self) -> None:
        if not (self.image_scale >= 0 and self.text_scale >= 0 and 0 < self.weight <= 0.25):
            raise ValueError("not a fusion's parameters")

    @property
    def parameters(self) -> tuple[float, ...]:
        return (
            self.image_scale,
            self.image_shift,
            self.text_scale,
            self.text_shift,
            self.weight,
        )

    def scores(self, similarities: Similarities) -> NDArray[np.float64]:
        image, text = similarities
        return self._fused(
            np.maximum(self.image_scale * image + self.image_shift, 0),
            np.maximum(self.text_scale * text + self.text_shift, 0),
        )

    def at_most(self, similarities: Sequence[float]) -> float:
        """Of a saddle the highest value over a box is on an edge, where one of the two is largest;
        along that edge the other's best is `steep` times as large."""
        image, text = similarities
        most_image = max(self.image_scale * image + self.image_shift, 0.0)
        most_text = max(self.text_scale * text + self.text_shift, 0.0)
        steep = (1 - 2 * self.weight) / (2 * self.weight)
        corners = np.array(
            [
                (most_image, min(most_text, steep * most_image)),
                (min(most_image, steep * most_text), most_text),
            ]
        )
        return float(np.max(self._fused(corners[:, 0], corners[:, 1])))

    def _fused(self, image: NDArray[np.float64], text: NDArray[np.float64]) -> NDArray[np.float64]:
        return image * text - self.weight * (image + text) ** 2


@dataclass(frozen=True)
class Corpus:
    """Both lists in the model's words: unit embeddings (n, dim), and what is made of them."""

    subjects: Embeddings
    styles: Embeddings

    @cached_property
    def mean(self) -> Vector:
        mean: Vector = self.subjects.mean(axis=0)
        return mean

    @cached_property
    def projection(self) -> NDArray[np.float64]:
        """(dim, dim)."""
        return contrastive_projection(self.subjects - self.mean, self.styles - self.mean)


@dataclass(frozen=True)
class Calibration:
    mean: Vector  # of the gallery's unit vectors
    least_image: float
    least_text: float


@dataclass(frozen=True, eq=False)
class Basic:
    encoder: DualEncoder
    name: str = "basic"
    _encoding: threading.Lock = field(default_factory=threading.Lock)
    _encoded: list[Corpus] = field(default_factory=list)  # once it was needed

    def prompts(self, asked: Asked) -> Sequence[Prompt]:
        subjects, text = read_corpus("subjects")[:CONTEXTS], asked.joined
        before = [Prompt(f"{subject} {text}") for subject in subjects]
        return before + [Prompt(f"{text} {subject}") for subject in subjects]

    def compose(self, asked: Sequence[Asked], texts: Sequence[Embeddings]) -> list[Question]:
        return [self._one(*each) for each in zip(asked, texts, strict=True)]

    def _one(self, asked: Asked, texts: Embeddings) -> Question:
        image = unit_vector(asked.picture[self.encoder.space])
        text = unit_vector(unit(texts)[0].mean(axis=0))
        return Pending(lambda gallery: self._finish(gallery, image, text))

    def _finish(self, gallery: GalleryView, image: Vector, text: Vector) -> Query:
        space, corpus = self.encoder.space, self._corpus
        known = gallery.once(("basic", space), lambda: self._calibrate(gallery))
        direction = expanded(
            image - known.mean,
            corpus.projection,
            lambda towards: gallery.nearest(space, towards, NEIGHBOURS) - known.mean,
        )
        return fused_query(space, direction, text - corpus.mean, known)

    def _calibrate(self, gallery: GalleryView) -> Calibration:
        space, corpus = self.encoder.space, self._corpus
        mean = gallery.mean(space)
        pictures = gallery.sample(space, CALIBRATION) - mean
        texts = np.concatenate([corpus.subjects, corpus.styles]) - corpus.mean
        return Calibration(
            mean,
            float((pictures @ pictures.T).min(initial=0)),
            float((texts @ pictures.T).min(initial=0)),
        )

    @property
    def _corpus(self) -> Corpus:
        with self._encoding:  # of several first callers one encodes
            if not self._encoded:
                texts = (read_corpus(name) for name in ("subjects", "styles"))
                self._encoded.append(Corpus(*map(self._units, texts)))
            return self._encoded[0]

    def _units(self, texts: Sequence[str]) -> Embeddings:
        batches = [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)]
        return unit(np.concatenate([self.encoder.encode_texts(batch) for batch in batches]))[0]


class BasicKind:
    weight = None

    def missing(self, tools: Tools) -> str | None:
        return None

    def of(self, tools: Tools, weight: float) -> Basic:
        return Basic(tools.encoder)


@cache
def read_corpus(name: str) -> tuple[str, ...]:
    """The phrases of `subjects` or `styles`, in their order."""
    return tuple((CORPORA / f"{name}.txt").read_text(encoding="utf-8").split("\n")[:-1])


def contrastive_projection(positive: Embeddings, negative: Embeddings) -> NDArray[np.float64]:
    """Centred (n, dim) twice -> (dim, dim), onto the directions in which the first vary and the
    second do not."""
    scatters = [rows.astype(np.float64).T @ rows / (len(rows) - 1) for rows in (positive, negative)]
    contrast = (1 - STYLES_WEIGHT) * scatters[0] - STYLES_WEIGHT * scatters[1] + EVERY_ENTRY
    values, vectors = np.linalg.eigh(contrast)  # rising
    kept = vectors[:, values > 0][:, -COMPONENTS:]
    projection: NDArray[np.float64] = kept @ kept.T
    return projection


def expanded(
    image: Vector, projection: NDArray[np.float64], nearest: Callable[[Vector], Embeddings]
) -> Vector:
    """The centred query (dim,) with its centred nearest (m, dim) taken in, projected (dim,)."""
    projected: Vector = (projection @ image).astype(np.float32)
    if not projected.any():
        return projected  # the gallery's very mean is nearest to nothing
    neighbours = nearest(projected)
    similarities = np.append(neighbours @ projected, 1.0)
    weights = np.exp(SHARPNESS * similarities)
    mean = weights / weights.sum() @ np.vstack([neighbours, image])
    direction: Vector = (projection @ mean).astype(np.float32)
    return direction


def fused_query(space: Space, image: Vector, text: Vector, known: Calibration) -> Query:
    """Directions (dim,) of any length; s = v (x - m) is an affine function of the cosine to v."""
    size = abs(known.least_image) or 1.0  # a gallery of one picture has no spread
    probes, affine = [], []
    for vector, least in ((image, known.least_image), (text, known.least_text)):
        length = float(np.linalg.norm(vector))
        # a direction of no length has similarities of nothing, whichever probe stands for it
        probes.append(Probe(space, unit_vector(vector if length else np.ones_like(vector))))
        affine += [length / size, -(float(vector @ known.mean) + least) / size]
    return Query(tuple(probes), HarrisFusion(*affine))
