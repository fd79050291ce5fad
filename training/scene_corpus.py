"""Sample scenes as training data: pictures, wordings, and edits whose target is known.

Rendering is spread over processes and kept in a file beside the run's checkpoints, so that a
resumed run does not draw them again; the file is named by seed, count, size and a digest of the
captions. Remove it after a change to how scenes are drawn.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.scenes import (
    Edit,
    Scene,
    SceneSet,
    Thing,
    checked_combinations,
    combinations,
    drawing_pool,
    generate,
    render,
)
from training.config import SampleScenes

RENDER_PX = 256  # as the demo draws them; then squashed like any other picture
CHUNK = 64


@dataclass(frozen=True)
class SceneCorpus:
    pixels: NDArray[np.uint8]  # (count, px, px, 3)
    full: tuple[str, ...]
    short: tuple[tuple[str, ...], ...]
    edits: NDArray[np.int64]  # (edits, 2): reference, target
    instructions: tuple[str, ...]  # (edits,)

    def __len__(self) -> int:
        return len(self.pixels)


def build_scene_corpus(section: SampleScenes, px: int, folder: Path, workers: int) -> SceneCorpus:
    scenes = generate(section.seed, section.count)
    row_of = {scene.file: row for row, scene in enumerate(scenes.scenes)}
    captions = "\n".join(scene.full for scene in scenes.scenes)
    digest = hashlib.sha256(captions.encode()).hexdigest()[:8]
    file = folder / f"scenes-{section.seed}-{section.count}-{px}-{digest}.npy"
    if not file.exists():
        _draw(scenes.scenes, px, file, workers)
    edits = _edits(scenes, row_of, checked_combinations(section.without))
    return SceneCorpus(
        pixels=np.load(file, mmap_mode="r"),
        full=tuple(scene.full for scene in scenes.scenes),
        short=tuple(scene.short for scene in scenes.scenes),
        edits=np.array([(row_of[edit.reference], row_of[edit.target]) for edit in edits]),
        instructions=tuple(edit.instruction for edit in edits),
    )


def _edits(
    scenes: SceneSet, row_of: Mapping[str, int], without: frozenset[str]
) -> tuple[Edit, ...]:
    """Those that concern nothing that is held out."""

    def things(file: str) -> tuple[Thing, ...]:
        return scenes.scenes[row_of[file]].things

    return tuple(
        edit
        for edit in scenes.edits
        if not without & combinations(things(edit.reference), things(edit.target), edit.kind)
    )


def _draw(scenes: tuple[Scene, ...], px: int, file: Path, workers: int) -> None:
    pixels = np.empty((len(scenes), px, px, 3), dtype=np.uint8)
    chunks = [scenes[start : start + CHUNK] for start in range(0, len(scenes), CHUNK)]
    with drawing_pool(workers) as pool:
        drawn: Iterator[NDArray[np.uint8]] = pool.map(_draw_chunk, chunks, [px] * len(chunks))
        for start, rows in zip(range(0, len(scenes), CHUNK), drawn, strict=True):
            pixels[start : start + len(rows)] = rows
    unfinished = file.with_suffix(".tmp.npy")
    np.save(unfinished, pixels)
    unfinished.replace(file)


def _draw_chunk(scenes: tuple[Scene, ...], px: int) -> NDArray[np.uint8]:
    drawn = (render(scene, RENDER_PX) for scene in scenes)
    return np.stack(
        [np.asarray(image.resize((px, px), Image.Resampling.BICUBIC)) for image in drawn]
    )
