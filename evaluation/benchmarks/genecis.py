"""GeneCIS: which picture of a small gallery is like a reference, where a condition of a word or two
says in what.

Reads `focus_attribute.json`, `change_attribute.json`, `focus_object.json` and `change_object.json`,
lists of `condition, reference, target, gallery`, over the objects of Visual Genome (`image_id`,
`instance_bbox`) or over COCO val2017 (`val_image_id`); a split is one of them. A question's gallery
is its target and `gallery`, in which ties count against the target; its text is the bare condition.
R@1, R@2 and R@3 by task; where all four are there, also the mean of their R@1. Source: Vaze, Carion
& Misra, "GeneCIS: A Benchmark for General Conditional Image Similarity", CVPR 2023.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image

from evaluation.annotations import Kinds, fields, read_entries
from evaluation.benchmark import (
    Picture,
    Question,
    Rankings,
    Task,
    chosen_split,
    first_there,
    whole,
)
from evaluation.crops import Crop
from evaluation.metrics import recall_at_k
from models.errors import InputError

RECALL_AT = (1, 2, 3)
ENTRY: Kinds = {"condition": str, "reference": dict, "target": dict, "gallery": list}
MARGIN = 0.7  # sides of the box
COCO = ("coco/val2017", "val2017", "coco2017/val2017")
GENOME = (
    ("VG_100K_all",),
    ("vg/VG_100K_all",),
    ("VG_100K", "VG_100K_2"),
    ("vg/VG_100K", "vg/VG_100K_2"),
)

Box = tuple[float, float, float, float]  # left, top, width, height


@dataclass(frozen=True)
class Instance:
    """A picture of COCO, or an object in one of Visual Genome."""

    image: str
    box: Box | None = None

    @property
    def key(self) -> str:
        box = "" if self.box is None else ":" + ",".join(str(each) for each in self.box)
        return f"{self.image}{box}"


@dataclass(frozen=True)
class GenecisBenchmark:
    folder: Path
    split: str | None
    instances: Mapping[str, Instance]  # by key
    tasks: tuple[Task, ...]
    name: str = "genecis"

    def pictures(self) -> Sequence[Picture]:
        return whole([*_of_coco(self.folder, self.instances), *_cut(self.folder, self.instances)])

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        found = {
            f"{task.name}/R@{k}": recall_at_k(
                rankings[task.name], [question.relevant for question in task.questions], k
            )
            for task in self.tasks
            if task.name in rankings
            for k in RECALL_AT
        }
        if len(found) < len(TASKS) * len(RECALL_AT):
            return found
        return found | {"mean/R@1": sum(found[f"{name}/R@1"] for name in TASKS) / len(TASKS)}


def genecis_benchmark(data: Path, split: str | None = None) -> GenecisBenchmark:
    """All four tasks, unless the split names one."""
    names = tuple(TASKS) if split is None else (chosen_split(split, tuple(TASKS), data),)
    instances: dict[str, Instance] = {}
    tasks = []
    for name in names:
        try:
            annotations = first_there(data, f"{name}.json", f"genecis/{name}.json")
        except InputError as error:
            raise InputError(f"{error}; --split asks for one of the tasks alone") from error
        questions = _questions(annotations, TASKS[name], instances)
        tasks.append(Task(name, questions, depth=max(RECALL_AT)))
    return GenecisBenchmark(data, split, instances, tuple(tasks))


def crop_around(box: Box, size: tuple[int, int]) -> Crop:
    """The cut that the official loader makes in a picture of this size: to the left and above the
    box a margin is added, and from there on the cut is one box and one margin wide and high, so
    that at the right and below there is none. Edges are rounded as Pillow rounds a crop's."""
    left = max(0, box[0] - MARGIN * box[2])
    top = max(0, box[1] - MARGIN * box[3])
    right = min(size[0], left + (1 + MARGIN) * box[2])
    bottom = min(size[1], top + (1 + MARGIN) * box[3])
    return Crop((round(left), round(top), round(right), round(bottom)), square=True)


def _object(where: str, entry: object) -> Instance:
    return Instance(str(fields(where, entry, {"val_image_id": int})["val_image_id"]))


def _attribute(where: str, entry: object) -> Instance:
    found = fields(where, entry, {"image_id": (int, str), "instance_bbox": list})
    box = found["instance_bbox"]
    # a bool is an int to Python, and NaN a number to its JSON
    numbers = [each for each in box if type(each) in (int, float) and math.isfinite(each)]
    if len(box) != 4 or len(numbers) != 4 or min(numbers[2:]) <= 0:
        raise InputError(f"{where}: 'instance_bbox' is {box}, expected left, top, width, height")
    return Instance(str(found["image_id"]), (box[0], box[1], box[2], box[3]))


# each with what its annotations say of a picture
TASKS: dict[str, Callable[[str, object], Instance]] = {
    "focus_attribute": _attribute,
    "change_attribute": _attribute,
    "focus_object": _object,
    "change_object": _object,
}


def _questions(
    path: Path, read: Callable[[str, object], Instance], known: dict[str, Instance]
) -> tuple[Question, ...]:
    """Adds the pictures that they name to `known`."""
    questions = []
    for at, entry in enumerate(read_entries(path, ENTRY)):
        where = f"{path}, entry {at}"
        if not entry["gallery"]:
            raise InputError(f"{where}: 'gallery' is empty")
        reference = read(f"{where}, 'reference'", entry["reference"])
        target = read(f"{where}, 'target'", entry["target"])
        others = [
            read(f"{where}, 'gallery' {row}", each) for row, each in enumerate(entry["gallery"])
        ]
        among = _keyed([target, *others])
        known.update({reference.key: reference, **among})
        questions.append(
            Question(
                frozenset({target.key}),
                wordings=((entry["condition"],),),
                picture=reference.key,
                among=tuple(among),
            )
        )
    return tuple(questions)


def _keyed(gallery: Sequence[Instance]) -> dict[str, Instance]:
    """What a gallery names twice is in it twice, as the official loader has it: as KEY and
    KEY#2."""
    seen: Counter[str] = Counter()
    keyed = {}
    for instance in gallery:
        seen[instance.key] += 1
        times = seen[instance.key]
        keyed[instance.key if times == 1 else f"{instance.key}#{times}"] = instance
    return keyed


def _of_coco(data: Path, instances: Mapping[str, Instance]) -> list[Picture]:
    entire = {key: instance.image for key, instance in instances.items() if instance.box is None}
    if not entire:
        return []
    folder = first_there(data, *COCO)
    return [Picture(key, folder / f"{image.zfill(12)}.jpg") for key, image in entire.items()]


def _cut(data: Path, instances: Mapping[str, Instance]) -> list[Picture]:
    boxes = {key: (each.image, each.box) for key, each in instances.items() if each.box is not None}
    if not boxes:
        return []
    folders = _genome_folders(data)
    size_of = cache(_size)
    pictures = []
    for key, (image, box) in boxes.items():
        file = _in_either(folders, f"{image}.jpg")
        size = size_of(file)
        try:
            pictures.append(Picture(key, file, crop_around(box, size)))
        except InputError as error:
            raise InputError(f"{file}: {box} in {size[0]} x {size[1]} pixels: {error}") from error
    return pictures


def _genome_folders(data: Path) -> tuple[Path, ...]:
    for names in GENOME:
        if (data / names[0]).is_dir():
            return tuple(data / name for name in names)
    expected = ", ".join(" with ".join(names) for names in GENOME)
    raise InputError(f"{data}: has none of {expected}")


def _in_either(folders: Sequence[Path], name: str) -> Path:
    places = [folder / name for folder in folders]
    return next((place for place in places if place.is_file()), places[0])


def _size(file: Path) -> tuple[int, int]:
    try:
        with Image.open(file) as image:
            return image.size
    except FileNotFoundError as error:
        raise InputError(f"{file}: named by the benchmark, but not there") from error
    except OSError as error:
        raise InputError(f"{file}: cannot be read as a picture: {error}") from error
