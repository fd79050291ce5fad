"""How long each composer takes, one query at a time and 32 together.

    python -m benchmarks.composers [--model starter] [--threads 2] [--repeat 20]

A query is a stored picture and an instruction of six words; what is measured is all from there to
the finished question: prompts, text tower, composition and, for BASIC, the gallery's part over
10,000 random vectors. `text alone` is one plain text query, the yardstick. phi networks have the
published shape (d, 4d, 4d, width) and random weights. Medians; a first call is not counted.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from index.faiss import exact_index, limit_faiss_threads
from index.gallery import Gallery, Held
from index.searching.view import View
from index.segments import Segment, Vectors, ids_to_rows
from index.vectors.neighbours import TunedIndex
from models.composers.composer import Asked, compose_now
from models.composers.registry import Composers
from models.device import choose_placement, limit_torch_threads
from models.encoders import PromptEncoder
from models.load import Encoder, load_encoder
from models.machine import available_threads
from models.phi import Mlp, Phi
from models.query import Pending, single
from models.vectors import unit

ITEMS = 10_000
BATCHES = (1, 32)
INSTRUCTION = "at night in the snow"


def random_phis(encoder: Encoder) -> list[Phi]:
    if not isinstance(encoder, PromptEncoder) or encoder.word_width is None:
        return []
    dimension, width = encoder.space.dimension, encoder.word_width
    network = Mlp([dimension, 4 * dimension, 4 * dimension, width]).eval().requires_grad_(False)
    return [Phi("lincir", encoder.space, network, width)]


def random_gallery(encoder: Encoder) -> Gallery:
    generator = np.random.default_rng(0)
    parts = []
    for space in encoder.spaces:
        rows = generator.standard_normal((ITEMS, space.dimension), dtype=np.float32)
        units, norms = unit(rows)
        parts.append(Vectors(units.astype(np.float16), norms))
    ids = ids_to_rows([f"{number:032x}" for number in range(ITEMS)])
    indexes = [TunedIndex(exact_index(p.units.shape[1], [p.units])) for p in parts]
    return Gallery(1, encoder.spaces, Held([Segment(ids, tuple(parts))], indexes))


def asked(encoder: Encoder, count: int) -> list[Asked]:
    generator = np.random.default_rng(1)
    pictures = [
        {s: generator.standard_normal(s.dimension, dtype=np.float32) for s in encoder.spaces}
        for _ in range(count)
    ]
    return [Asked(picture, (f"{INSTRUCTION} {n}",)) for n, picture in enumerate(pictures)]


def median_ms(run: Callable[[], object], repeat: int) -> float:
    run()
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return 1000 * median(times)


def measure(encoder: Encoder, repeat: int) -> dict[str, list[float]]:
    """Milliseconds a query, by composer, for each size of a batch."""
    composers, gallery = Composers(encoder, random_phis(encoder)), random_gallery(encoder)
    view = View(gallery, np.empty(0, dtype=np.int64))

    def compose(name: str, count: int) -> None:
        for question in compose_now(encoder, composers.named(name), asked(encoder, count)):
            if isinstance(question, Pending):
                question.finish(view)

    def text_alone(count: int) -> None:
        texts = [each.instructions[0] for each in asked(encoder, count)]
        for row in encoder.encode_texts(texts):
            single(encoder.space, row)

    runs: dict[str, Callable[[int], None]] = {"text alone": text_alone}
    for name in composers.names:
        runs[name] = lambda count, name=name: compose(name, count)  # type: ignore[misc]
    return {
        name: [median_ms(lambda c=count, r=run: r(c), repeat) / count for count in BATCHES]  # type: ignore[misc]
        for name, run in runs.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="starter")
    parser.add_argument("--threads", type=int, default=available_threads())
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--dtype", default=None)
    options = parser.parse_args()
    limit_torch_threads(options.threads)
    limit_faiss_threads(options.threads)
    torch.manual_seed(0)
    encoder = load_encoder(options.model, choose_placement(None, options.dtype), print)
    results = measure(encoder, options.repeat)
    yardstick = results["text alone"]
    print(f"{encoder.spaces[-1].model} on {encoder.runs_on}, {options.threads} threads")
    print(f"{'':<12}" + "".join(f"{f'batch {b}: ms a query':>24}{'x text':>9}" for b in BATCHES))
    for name, times in results.items():
        cells = (f"{t:>24.2f}{t / y:>9.2f}" for t, y in zip(times, yardstick, strict=True))
        print(f"{name:<12}" + "".join(cells))


if __name__ == "__main__":
    main()
