"""Every picture of a run as the model sees it: embedded once, kept beside the run's checkpoints.

One table of raw embeddings, float16: photographs, then the same redrawn in other media, then
scenes. The file is named by a digest of all that it depends on.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.encoders import ImageEncoder
from training.state import Report

BATCH = 128
REPORT_EVERY = 100  # batches

Pixels = NDArray[np.uint8]  # (count, px, px, 3)
Embeddings = NDArray[np.float16]  # (count, dim)


def embedded(
    encoder: ImageEncoder,
    parts: Sequence[Pixels],
    named: str,
    folder: Path,
    report: Report,
) -> Embeddings:
    """The parts' pictures, one after another; `named` is what the file is named by, besides the
    space and the number of pictures."""
    count = sum(len(part) for part in parts)
    space = encoder.spaces[0]
    lines = [space.revision, *(str(part.shape) for part in parts), named]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
    file = folder / f"embeddings-{digest}.npy"
    if not file.exists():
        report(f"embedding {count} pictures")
        unfinished = file.with_suffix(".tmp.npy")
        rows = np.lib.format.open_memmap(unfinished, "w+", np.float16, (count, space.dimension))
        at = 0
        for number, batch in enumerate(_batches(parts)):
            prepared = [encoder.prepare(Image.fromarray(pixels)) for pixels in batch]
            made = encoder.encode_images(prepared)[:, : space.dimension]
            rows[at : at + len(batch)] = made
            at += len(batch)
            if number and number % REPORT_EVERY == 0:
                report(f"embedded {at}/{count}")
        rows.flush()
        unfinished.replace(file)
    table: Embeddings = np.load(file)
    return table


def _batches(parts: Sequence[Pixels]) -> Iterator[Pixels]:
    for part in parts:
        for at in range(0, len(part), BATCH):
            yield part[at : at + BATCH]
