"""What benchmarks.serving serves: a model of ViT-B-32's shapes, and a collection of its space.

The weights are drawn at random, always the same: they cost what trained ones cost. The collection's
vectors are benchmarks.synthetic's; its items have paths and captions and no pictures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.synthetic import Clustered
from index.arrow import load_pyarrow
from index.job import JobOptions, build_collection
from index.sources import Root
from index.sourcing.vectors import open_vectors
from models.decode import DecodeLimits, decode
from models.device import Placement, computes_bfloat16
from models.encoders import Prompt, Tokens
from models.machine import available_threads
from models.openclip import build, clip_tokenizer
from models.openclip_encoder import LoadedModel, OpenClipEncoder
from models.preprocess import Pixels, Preprocessing
from models.space import Space
from models.vectors import Embeddings

DIMENSION = 512
CONFIG = {
    "embed_dim": DIMENSION,
    "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32},
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 512,
        "heads": 8,
        "layers": 12,
    },
}
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
NAME = "ViT-B-32, random"
NULL_ROWS = 4096


def placement() -> Placement:
    """bfloat16 where the device computes in it."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if computes_bfloat16(device) else torch.float32
    return Placement(device, dtype)


def model() -> OpenClipEncoder:
    torch.manual_seed(0)
    preprocessing = Preprocessing(224, 224, CLIP_MEAN, CLIP_STD)
    loaded = LoadedModel(build(CONFIG), clip_tokenizer(77), preprocessing, {})
    return OpenClipEncoder(NAME, loaded, placement())


class NullEncoder:
    """All that the model does around its forward passes, whose results are drawn beforehand."""

    fills_galleries = True

    def __init__(self, model: OpenClipEncoder, rows: int) -> None:
        self._model = model
        drawn = Clustered(rows, DIMENSION)
        self._texts = drawn.text_queries(NULL_ROWS)
        self._pictures = drawn.image_queries(NULL_ROWS)
        self._next = 0

    @property
    def space(self) -> Space:
        return self._model.space

    @property
    def spaces(self) -> tuple[Space, ...]:
        return self._model.spaces

    @property
    def runs_on(self) -> str:
        return "nothing"

    def decode(self, data: bytes, limits: DecodeLimits | None = None) -> Image.Image:
        return decode(data, limits)

    def prepare(self, image: Image.Image) -> Pixels:
        return self._model.prepare(image)

    def overlong(self, texts: Sequence[str]) -> list[bool]:
        return self._model.overlong(texts)

    def tokenise(self, prompts: Sequence[Prompt]) -> list[Tokens]:
        return self._model.tokenise(prompts)

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        return self._drawn(self._pictures, len(pixels))

    def encode_tokens(self, tokens: Sequence[Tokens]) -> Embeddings:
        return self._drawn(self._texts, len(tokens))

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        return self._drawn(self._texts, len(texts))

    def _drawn(self, rows: Embeddings, count: int) -> Embeddings:
        first, self._next = self._next, self._next + count
        drawn: Embeddings = rows[np.arange(first, first + count) % NULL_ROWS]
        return drawn


@dataclass(frozen=True)
class SyntheticSpace:
    """Stands for the model while the collection is built."""

    space: Space
    rows: int
    fills_galleries: bool = True
    runs_on: str = "nothing"

    @property
    def spaces(self) -> tuple[Space, ...]:
        return (self.space,)

    def decode(self, data: bytes, limits: DecodeLimits | None = None) -> Image.Image:
        return decode(data, limits)

    def prepare(self, image: Image.Image) -> Pixels:
        return np.asarray(image, dtype=np.uint8)

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        return np.empty((len(pixels), DIMENSION), np.float32)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        return Clustered(self.rows, DIMENSION).text_queries(len(texts))

    def overlong(self, texts: Sequence[str]) -> list[bool]:
        return [False] * len(texts)


def collection(folder: Path, rows: int) -> Path:
    """Built once; what is in the folder already stays."""
    built = folder / f"{rows}"
    if (built / "catalogue.sqlite").is_file():
        return built
    source = folder / f"{rows}.vectors"
    source.mkdir(parents=True, exist_ok=True)
    blocks = Clustered(rows, DIMENSION).blocks()
    np.save(source / "img_emb_0.npy", np.concatenate(list(blocks)))
    arrow, parquet = load_pyarrow("writing")
    parquet.write_table(arrow.table(dict(_columns(rows))), source / "metadata_0.parquet")
    vectors = open_vectors(Root("synthetic", source), source)
    options = JobOptions(threads=available_threads())
    space = SyntheticSpace(model().space, rows)
    build_collection(built, [vectors], space, model=NAME, options=options)
    return built


def _columns(rows: int) -> Iterator[tuple[str, list[str]]]:
    yield "image_path", [f"album {n % 97}/picture {n:07}.jpg" for n in range(rows)]
    yield "caption", [f"a picture of thing {n % 1009} at place {n % 31}" for n in range(rows)]
