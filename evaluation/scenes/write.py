"""Write a set of scenes as a folder of pictures with captions, edits and boxes.

write_scenes(out, ...) leaves `scene-*.png` in `out`, and after them captions.tsv (file, kind,
caption), edits.jsonl (reference, instruction, kind, target) and scenes.jsonl (the specs, with a
box for every single thing). Every file appears whole or not at all. Raises InputError for a count
below one.
"""

import csv
import io
import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from evaluation.scenes.generate import generate
from evaluation.scenes.layout import boxes
from evaluation.scenes.render import render
from evaluation.scenes.spec import Scene, SceneSet

_MOST_WORKERS = 8
_FEWEST_FOR_WORKERS = 100
_CHUNK = 16


def write_scenes(  # noqa: PLR0913
    out: Path,
    *,
    seed: int,
    count: int,
    size_px: int = 256,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """`progress` is told how many pictures are done."""
    made = generate(seed, count)
    out.mkdir(parents=True, exist_ok=True)
    wanted = workers or min(os.cpu_count() or 1, _MOST_WORKERS)
    draw = partial(_write_picture, out, size_px)
    for done, _ in enumerate(_each(draw, made.scenes, wanted), start=1):
        if progress is not None:
            progress(done)
    _replace(out / "captions.tsv", _captions(made).encode())
    _replace(out / "edits.jsonl", _lines([asdict(edit) for edit in made.edits]))
    _replace(out / "scenes.jsonl", _lines([_described(scene) for scene in made.scenes]))


def _each(draw: Callable[[Scene], None], scenes: tuple[Scene, ...], workers: int) -> Iterator[None]:
    if workers == 1 or len(scenes) < _FEWEST_FOR_WORKERS:
        yield from map(draw, scenes)
        return
    with drawing_pool(workers) as pool:
        yield from pool.map(draw, scenes, chunksize=_CHUNK)


def drawing_pool(workers: int) -> ProcessPoolExecutor:
    """Processes that leave Ctrl-C to the one that started them."""
    return ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )


def _write_picture(out: Path, size_px: int, scene: Scene) -> None:
    held = io.BytesIO()
    render(scene, size_px).save(held, "PNG", compress_level=3)
    _replace(out / scene.file, held.getvalue())


def _captions(made: SceneSet) -> str:
    held = io.StringIO()
    table = csv.writer(held, delimiter="\t", lineterminator="\n")
    table.writerow(("file", "kind", "caption"))
    for scene in made.scenes:
        table.writerow((scene.file, "full", scene.full))
        table.writerows((scene.file, "short", caption) for caption in scene.short)
    return held.getvalue()


def _described(scene: Scene) -> dict[str, object]:
    drawn = boxes(scene)
    things = [
        {**asdict(thing), "boxes": [[round(v, 4) for v in box] for of, box in drawn if of == thing]}
        for thing in scene.things
    ]
    return {
        "file": scene.file,
        "style": scene.style,
        "setting": scene.setting,
        "time": scene.time,
        "weather": scene.weather,
        "things": things,
    }


def _lines(records: list[dict[str, object]]) -> bytes:
    return "".join(f"{json.dumps(record)}\n" for record in records).encode()


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
