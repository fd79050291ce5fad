"""Text-to-image and image-to-text retrieval over captioned pictures, as Karpathy & Fei-Fei report
it.

Reads `captions.tsv` (file, split, caption) beside the pictures. R@1, R@5 and R@10 both ways; of the
several captions of a picture, image-to-text counts the best-ranked one. Source: Karpathy & Fei-Fei,
"Deep Visual-Semantic Alignments for Generating Image Descriptions", CVPR 2015.
"""

from dataclasses import dataclass
from pathlib import Path

from evaluation.benchmark import Question, Task, check_files, picture_folder
from evaluation.tables import read_table
from models.errors import InputError

RECALL_AT = (1, 5, 10)
PREFERRED_SPLITS = ("val", "dev")


@dataclass(frozen=True)
class CaptionsBenchmark:
    folder: Path
    files: tuple[str, ...]
    tasks: tuple[Task, ...]
    split: str
    name: str = "captions"


def captions_benchmark(data: Path, split: str | None = None) -> CaptionsBenchmark:
    """The pictures of one split: `val` or `dev` unless named."""
    table = data / "captions.tsv"
    rows = list(read_table(table, ("file", "split", "caption")))
    splits = sorted({row["split"] for row in rows})
    chosen = split or next((name for name in PREFERRED_SPLITS if name in splits), None)
    if chosen not in splits:
        raise InputError(f"{table}: --split {chosen}: expected one of {', '.join(splits)}")
    captions: dict[str, list[str]] = {}
    for row in rows:
        if row["split"] == chosen:
            captions.setdefault(row["file"], []).append(row["caption"])
    folder, files = picture_folder(data), tuple(captions)
    check_files(folder, files)
    return CaptionsBenchmark(folder, files, _tasks(captions), chosen)


def _tasks(captions: dict[str, list[str]]) -> tuple[Task, ...]:
    keyed = {
        file: [(f"{file}#{number}", text) for number, text in enumerate(texts)]
        for file, texts in captions.items()
    }
    to_image = tuple(
        Question(frozenset({file}), texts=(text,)) for file in keyed for _, text in keyed[file]
    )
    to_text = tuple(
        Question(frozenset(key for key, _ in texts), picture=file) for file, texts in keyed.items()
    )
    every_text = tuple(pair for texts in keyed.values() for pair in texts)
    return (
        Task("text_to_image", to_image, RECALL_AT),
        Task("image_to_text", to_text, RECALL_AT, texts=every_text),
    )
