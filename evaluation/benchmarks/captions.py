"""Text-to-image and image-to-text retrieval over captioned pictures, as Karpathy & Fei-Fei report
it: Flickr8k, Flickr30k, COCO, or any that has such files (see caption_files).

R@1, R@5 and R@10 both ways; of the several captions of a picture, image-to-text counts the
best-ranked one. Source: Karpathy & Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image
Descriptions", CVPR 2015.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.benchmark import Picture, Question, Rankings, Task, whole
from evaluation.benchmarks.caption_files import Captioned, read_captions
from evaluation.metrics import recall_at_k

RECALL_AT = (1, 5, 10)


@dataclass(frozen=True)
class CaptionsBenchmark:
    folder: Path
    split: str
    captioned: tuple[Captioned, ...]
    tasks: tuple[Task, ...]
    name: str = "captions"

    def pictures(self) -> Sequence[Picture]:
        return whole([Picture(each.file, each.picture(self.folder)) for each in self.captioned])

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        return {
            f"{task.name}/R@{k}": recall_at_k(
                rankings[task.name], [question.relevant for question in task.questions], k
            )
            for task in self.tasks
            if task.name in rankings
            for k in RECALL_AT
        }


def captions_benchmark(data: Path, split: str | None = None) -> CaptionsBenchmark:
    """The pictures of one split: `val` or `dev` unless named."""
    chosen, captioned = read_captions(data, split)
    return CaptionsBenchmark(data, chosen, tuple(captioned), _tasks(captioned))


def _tasks(captioned: Sequence[Captioned]) -> tuple[Task, ...]:
    keyed = {
        each.file: [(f"{each.file}#{number}", text) for number, text in enumerate(each.captions)]
        for each in captioned
    }
    to_image = tuple(
        Question(frozenset({file}), wordings=((text,),))
        for file, texts in keyed.items()
        for _, text in texts
    )
    to_text = tuple(
        Question(frozenset(key for key, _ in texts), picture=file) for file, texts in keyed.items()
    )
    every_text = tuple(pair for texts in keyed.values() for pair in texts)
    depth = max(RECALL_AT)
    return (
        Task("text_to_image", to_image, depth),
        Task("image_to_text", to_text, depth, texts=every_text),
    )
