"""The servers that benchmarks.serving drives, each a process of its own.

    python -m benchmarks.serving_server KIND COLLECTION [--port PORT]

`pictor`: the service as `pictor serve` runs it. `null`: the same, whose model's forward passes cost
nothing. `plain`: what people write by hand: a request is a thread, which runs a forward pass of its
own. `offline`: no server; prints as JSON what the model does at its best batch, and what a query
costs that is asked by calling encoder and search directly.
"""

import argparse
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import uvicorn
from fastapi import Body, FastAPI, File, Form
from PIL import Image

from benchmarks.gauges import timed
from benchmarks.serving_ground import NullEncoder, model
from index.collection import Collection
from index.faiss import limit_faiss_threads
from index.search import search
from models.composers.composer import Asked, compose_now
from models.composers.registry import Composers
from models.device import limit_torch_threads
from models.encoders import Prompt, by_space
from models.machine import available_threads
from models.openclip_encoder import OpenClipEncoder
from models.query import Question, single
from service.model.process import apart
from service.serve import listen, serve
from service.settings import Settings

BATCHES = (1, 2, 4, 8, 16, 32, 64)
TRIED_S = 2.0
DIRECT_QUERIES = 30


def picture(number: int) -> bytes:
    """A JPEG of 640 x 480 as a camera's are: soft shapes, some grain."""
    drawn = np.random.default_rng(number)
    coarse = Image.fromarray(drawn.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    soft = np.asarray(coarse.resize((640, 480), Image.Resampling.BICUBIC), dtype=np.float32)
    grainy = np.clip(soft + drawn.normal(0, 6, soft.shape), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grainy).save(file, "JPEG", quality=88)
    return file.getvalue()


def text(number: int) -> str:
    """Never the same twice."""
    return f"two dogs run through snow beside house number {number}"


class Direct:
    """A query's work without a server."""

    def __init__(self, encoder: OpenClipEncoder, collection: Collection) -> None:
        self._encoder = encoder
        self._collection = collection
        self._composers = Composers(encoder)

    def by_text(self, said: str) -> list[dict[str, Any]]:
        return self.found(single(self._encoder.space, self._encoder.encode_texts([said])[0]))

    def by_picture(self, data: bytes) -> list[dict[str, Any]]:
        return self.found(single(self._encoder.space, self._row(data), "image"))

    def composed(self, asked: tuple[bytes, str]) -> list[dict[str, Any]]:
        data, said = asked
        query = Asked(by_space(self._row(data), self._encoder.spaces), (said,))
        (question,) = compose_now(self._encoder, self._composers.named(), [query])
        return self.found(question)

    def _row(self, data: bytes) -> Any:  # noqa: ANN401
        prepared = self._encoder.prepare(self._encoder.decode(data))
        return self._encoder.encode_images([prepared])[0]

    def found(self, question: Question) -> list[dict[str, Any]]:
        with self._collection.snapshot() as snapshot:
            page = search(snapshot, question, limit=20)
            items = snapshot.items([hit.id for hit in page.hits])
        return [asdict(items[hit.id]) | {"score": hit.score} for hit in page.hits]


def plain_app(direct: Direct) -> FastAPI:
    app = FastAPI()

    @app.post("/v1/search")
    def by_text(text: Annotated[str, Body(embed=True)]) -> list[dict[str, Any]]:
        return direct.by_text(text)

    @app.post("/v1/search/upload")
    def by_upload(
        image: Annotated[bytes, File()], text: Annotated[str | None, Form()] = None
    ) -> list[dict[str, Any]]:
        return direct.by_picture(image) if text is None else direct.composed((image, text))

    @app.get("/readyz")
    def ready() -> str:
        return "ready"

    return app


def serve_plain(direct: Direct, port: int) -> None:
    config = uvicorn.Config(plain_app(direct), access_log=False, log_level="warning")
    with listen("127.0.0.1", port) as listener:
        uvicorn.Server(config).run(sockets=[listener])


def serve_pictor(
    kind: str, encoder: OpenClipEncoder, collection: Collection, settings: Settings
) -> None:
    if kind == "null":
        with collection.snapshot() as snapshot:
            rows = snapshot.count
        serve(settings, collection, NullEncoder(encoder, rows))
    else:
        serve(settings, collection, apart(encoder, available_threads()))


def offline(encoder: OpenClipEncoder, direct: Direct) -> dict[str, Any]:
    """Rates a second at each size of batch; and milliseconds of one query asked directly."""
    tokens = encoder.tokenise([Prompt(text(number)) for number in range(max(BATCHES))])
    pictures = [picture(number) for number in range(8)]
    pixels = [encoder.prepare(encoder.decode(data)) for data in pictures] * (max(BATCHES) // 8)
    texts = [text(1000 + number) for number in range(DIRECT_QUERIES)]
    files = [pictures[number % 8] for number in range(DIRECT_QUERIES)]
    asked = list(zip(files, texts, strict=True))
    return {
        "runs_on": encoder.runs_on,
        "text": rates(encoder.encode_tokens, tokens),
        "picture": rates(encoder.encode_images, pixels),
        "direct_ms": {
            "text": p50(direct.by_text, texts),
            "picture": p50(direct.by_picture, files),
            "composed": p50(direct.composed, asked),
        },
    }


def rates(run: Callable[[Any], Any], inputs: Sequence[Any]) -> dict[int, float]:
    measured = {}
    for size in BATCHES:
        batch = inputs[:size]
        run(batch)
        started, runs = time.perf_counter(), 0
        while time.perf_counter() - started < TRIED_S:
            run(batch)
            runs += 1
        measured[size] = size * runs / (time.perf_counter() - started)
    return measured


def p50(run: Callable[[Any], Any], queries: Sequence[Any]) -> float:
    timed(run, queries[:3])
    return timed(run, queries)[1].p50_ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("pictor", "null", "plain", "offline"))
    parser.add_argument("collection", type=Path)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    # as `pictor serve`, which leaves the cores to the model's thread
    limit_torch_threads(1 if options.kind in ("pictor", "null") else available_threads())
    limit_faiss_threads(available_threads())
    encoder, collection = model(), Collection.open(options.collection)
    direct = Direct(encoder, collection)
    if options.kind == "offline":
        print(json.dumps(offline(encoder, direct)))
    elif options.kind == "plain":
        serve_plain(direct, options.port)
    else:
        # what is asked for never comes twice, so that nothing is kept in vain
        settings = Settings(collection=options.collection, port=options.port, cache_bytes=0)
        serve_pictor(options.kind, encoder, collection, settings)


if __name__ == "__main__":
    main()
