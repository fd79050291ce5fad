"""GeneCIS: four tasks of small galleries, cut and counted as its authors do."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evaluation.benchmark import Question
from evaluation.benchmarks.genecis import TASKS, crop_around, genecis_benchmark
from evaluation.crops import Crop
from models.errors import InputError
from tests.fakes import picture

Entry = dict[str, Any]


def coco(image: int) -> Entry:
    return {"val_image_id": image}


def genome(image: int, *box: float) -> Entry:
    return {"image_id": image, "instance_bbox": list(box)}


def question(condition: str, *pictures: Entry) -> Entry:
    """The reference, the target, the rest of the gallery."""
    reference, target, *gallery = pictures
    return {"condition": condition, "reference": reference, "target": target, "gallery": gallery}


OBJECTS = [
    question("sky", coco(7), coco(8), coco(9), coco(10)),
    question("a wall", coco(7), coco(9), coco(8), coco(10)),
]
ATTRIBUTES = [
    question("wet", genome(1, 4, 2, 10, 10), genome(2, 0, 0, 8, 4), genome(1, 20, 8, 4, 8)),
]
ANNOTATIONS = {
    "focus_attribute": ATTRIBUTES,
    "change_attribute": ATTRIBUTES,
    "focus_object": OBJECTS,
    "change_object": OBJECTS,
}


def laid_out(
    data: Path,
    annotations: dict[str, Any] | None = None,
    *,
    coco_in: str = "coco/val2017",
    genome_in: tuple[str, str] = ("VG_100K_all", "VG_100K_all"),
) -> Path:
    """The pictures 7 to 10 of COCO, and 1 and 2 of Visual Genome, each in its folder."""
    annotations = ANNOTATIONS if annotations is None else annotations
    (data / "genecis").mkdir(parents=True)
    for name, entries in annotations.items():
        (data / "genecis" / f"{name}.json").write_text(json.dumps(entries))
    (data / coco_in).mkdir(parents=True)
    for image in range(7, 11):
        picture("blue").save(data / coco_in / f"{image:012d}.jpg")
    for image, folder in enumerate(genome_in, start=1):
        (data / folder).mkdir(parents=True, exist_ok=True)
        picture("red").save(data / folder / f"{image}.jpg")
    return data


def asked(data: Path, split: str) -> tuple[Question, ...]:
    (task,) = genecis_benchmark(data, split).tasks
    return task.questions


def test_a_question_has_a_gallery_of_its_own_and_the_bare_condition(tmp_path: Path) -> None:
    first, second = asked(laid_out(tmp_path), "focus_object")
    assert first == Question(
        frozenset({"8"}), wordings=(("sky",),), picture="7", among=("8", "9", "10")
    )
    assert second.among == ("9", "8", "10")


def test_an_object_in_a_picture_goes_by_picture_and_box(tmp_path: Path) -> None:
    (only,) = asked(laid_out(tmp_path), "change_attribute")
    assert only.picture == "1:4,2,10,10"
    assert only.relevant == {"2:0,0,8,4"}
    assert only.among == ("2:0,0,8,4", "1:20,8,4,8")


def test_an_id_of_visual_genome_may_be_a_text(tmp_path: Path) -> None:
    texts = [{"image_id": "1", "instance_bbox": [0.0, 0.5, 8, 4]}, genome(2, 0, 0, 8, 4)]
    data = laid_out(tmp_path, {"focus_attribute": [question("wet", texts[0], *texts)]})
    assert asked(data, "focus_attribute")[0].picture == "1:0.0,0.5,8,4"


def test_all_four_tasks_are_asked_unless_the_split_names_one(tmp_path: Path) -> None:
    data = laid_out(tmp_path)
    benchmark = genecis_benchmark(data)
    assert benchmark.split is None
    assert [task.name for task in benchmark.tasks] == list(ANNOTATIONS) == list(TASKS)
    assert {task.depth for task in benchmark.tasks} == {3}
    assert [task.name for task in genecis_benchmark(data, "change_object").tasks] == [
        "change_object"
    ]
    with pytest.raises(InputError, match=r"--split val: expected one of focus_attribute, "):
        genecis_benchmark(data, "val")


def test_a_missing_task_is_refused_unless_another_is_asked_for(tmp_path: Path) -> None:
    data = laid_out(tmp_path, {"focus_object": OBJECTS})
    with pytest.raises(InputError, match=r"none of focus_attribute\.json, genecis/focus_attribute"):
        genecis_benchmark(data)
    assert len(asked(data, "focus_object")) == 2


def test_annotations_may_lie_in_the_folder_itself(tmp_path: Path) -> None:
    data = laid_out(tmp_path) / "genecis"
    assert len(genecis_benchmark(data).tasks) == 4


def test_recall_counts_the_target_in_its_gallery_and_the_mean_is_of_the_first(
    tmp_path: Path,
) -> None:
    benchmark = genecis_benchmark(laid_out(tmp_path))
    objects = [["9", "8", "10"], ["9", "8", "10"]]  # the targets are second and first
    lost = [["9", "10", "8"], ["8", "10", "9"]]  # both third
    metrics = benchmark.metrics(
        {
            "focus_attribute": [["2:0,0,8,4", "1:20,8,4,8"]],
            "change_attribute": [["1:20,8,4,8", "2:0,0,8,4"]],
            "focus_object": objects,
            "change_object": lost,
        }
    )
    assert [metrics[f"focus_object/R@{k}"] for k in (1, 2, 3)] == [0.5, 1, 1]
    assert [metrics[f"change_object/R@{k}"] for k in (1, 2, 3)] == [0, 0, 1]
    assert [metrics[f"change_attribute/R@{k}"] for k in (1, 2, 3)] == [0, 1, 1]
    assert metrics["mean/R@1"] == (1 + 0 + 0.5 + 0) / 4
    assert len(metrics) == 13


def test_without_all_four_tasks_there_is_no_mean(tmp_path: Path) -> None:
    benchmark = genecis_benchmark(laid_out(tmp_path))
    metrics = benchmark.metrics({"focus_object": [["8", "9", "10"], ["9", "8", "10"]]})
    assert metrics == {f"focus_object/R@{k}": 1 for k in (1, 2, 3)}


def test_recall_is_the_published_loops_over_batches(tmp_path: Path) -> None:
    """There, the target is row 0 of its gallery, and batches' recalls are averaged by size."""
    entries = [question(str(at), *(coco(image) for image in range(7, 23))) for at in range(21)]
    benchmark = genecis_benchmark(laid_out(tmp_path, {"focus_object": entries}), "focus_object")
    gallery = [str(image) for image in range(8, 23)]
    rng = np.random.default_rng(5)
    orders = np.stack([rng.permutation(15) for _ in entries])
    metrics = benchmark.metrics({"focus_object": [[gallery[row] for row in o] for o in orders]})
    for k in (1, 2, 3):
        batches = [orders[at : at + 8, :k] for at in range(0, 21, 8)]
        total = sum(float((batch == 0).sum()) / len(batch) * len(batch) for batch in batches)
        assert metrics[f"focus_object/R@{k}"] == pytest.approx(total / 21, abs=1e-12)


def test_the_margin_is_at_the_left_and_above_alone() -> None:
    # left 40 - 0.7 x 10 = 33, right 33 + 1.7 x 10 = 50, which is the box's own right edge;
    # top 30 - 0.7 x 20 = 16, bottom 16 + 1.7 x 20 = 50, its own lower edge
    assert crop_around((40, 30, 10, 20), (100, 100)) == Crop((33, 16, 50, 50), square=True)


def test_at_the_pictures_edge_the_margin_that_is_lost_lies_beyond_the_box() -> None:
    # left and top stop at 0, and the cut still is 1.7 x 10 = 17 wide and 1.7 x 20 = 34 high
    assert crop_around((2, 3, 10, 20), (100, 100)).box == (0, 0, 17, 34)
    # right 90 + 17 = 107 and bottom 84 + 34 = 118 stop where the picture ends
    assert crop_around((97, 98, 10, 20), (100, 100)).box == (90, 84, 100, 100)


def test_edges_are_rounded_to_the_nearer_pixel_and_halves_to_the_even_one() -> None:
    # 3.5 and 4.5 are both nearest to 4; 3.5 + 1.7 x 5 = 12.0 and 4.5 + 1.7 x 5 = 13.0
    assert crop_around((7, 8, 5, 5), (100, 100)).box == (4, 4, 12, 13)


@pytest.mark.parametrize("seed", range(20))
def test_a_cut_has_the_pixels_of_the_published_loader(seed: int) -> None:
    """Restated over the edges as they are, which Pillow itself rounds."""
    rng = np.random.default_rng(seed)
    noise = Image.fromarray(rng.integers(0, 256, (37, 53, 3), dtype=np.uint8))
    x, y, w, h = (float(each) for each in rng.uniform((0, 0, 4, 4), (48, 32, 40, 30)).round(1))
    x0, y0 = max(0.0, x - w * 0.7), max(0.0, y - h * 0.7)
    part = noise.crop((x0, y0, min(53.0, x0 + 1.7 * w), min(37.0, y0 + 1.7 * h)))
    side = max(part.size)
    padded = Image.new("RGB", (side, side))
    padded.paste(part, ((side - part.width) // 2, (side - part.height) // 2))
    assert crop_around((x, y, w, h), noise.size).of(noise).tobytes() == padded.tobytes()


@pytest.mark.parametrize("coco_in", ["coco/val2017", "val2017", "coco2017/val2017"])
@pytest.mark.parametrize(
    "genome_in",
    [
        ("VG_100K_all", "VG_100K_all"),
        ("vg/VG_100K_all", "vg/VG_100K_all"),
        ("VG_100K", "VG_100K_2"),
        ("vg/VG_100K_2", "vg/VG_100K"),
    ],
)
def test_pictures_are_found_where_people_keep_them(
    tmp_path: Path, coco_in: str, genome_in: tuple[str, str]
) -> None:
    data = laid_out(tmp_path, coco_in=coco_in, genome_in=genome_in)
    pictures = {each.key: each for each in genecis_benchmark(data).pictures()}
    assert set(pictures) == {"7", "8", "9", "10", "1:4,2,10,10", "2:0,0,8,4", "1:20,8,4,8"}
    assert pictures["7"].file == data / coco_in / "000000000007.jpg"
    assert pictures["7"].crop is None
    assert pictures["1:4,2,10,10"].file == data / genome_in[0] / "1.jpg"
    assert pictures["2:0,0,8,4"].file == data / genome_in[1] / "2.jpg"
    # of 32 x 24 pixels: left and top 0, right 17 and bottom 17
    assert pictures["1:4,2,10,10"].crop == Crop((0, 0, 17, 17), square=True)


def test_a_task_of_objects_needs_no_visual_genome(tmp_path: Path) -> None:
    data = laid_out(tmp_path, genome_in=("elsewhere", "elsewhere"))
    assert len(genecis_benchmark(data, "focus_object").pictures()) == 4
    with pytest.raises(InputError, match=r"has none of VG_100K_all, .*VG_100K with VG_100K_2"):
        genecis_benchmark(data, "focus_attribute").pictures()


def test_a_picture_that_a_gallery_names_twice_counts_twice(tmp_path: Path) -> None:
    twice = [question("sky", coco(7), coco(8), coco(9), coco(9), coco(8))]
    benchmark = genecis_benchmark(laid_out(tmp_path, {"focus_object": twice}), "focus_object")
    (only,) = benchmark.tasks[0].questions
    assert only.among == ("8", "9", "9#2", "8#2")
    assert only.relevant == {"8"}
    files = {each.key: each.file.name for each in benchmark.pictures()}
    assert files["9#2"] == files["9"] == "000000000009.jpg"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"condition": "sky"}, r"entry 1: has no 'reference'"),
        ({**OBJECTS[0], "condition": 3}, r"entry 1: 'condition' is a int"),
        ({**OBJECTS[0], "reference": 7}, r"entry 1: 'reference' is a int"),
        ({**OBJECTS[0], "target": {}}, r"entry 1, 'target': has no 'val_image_id'"),
        ({**OBJECTS[0], "gallery": []}, r"entry 1: 'gallery' is empty"),
        ({**OBJECTS[0], "gallery": [coco(8), 9]}, r"entry 1, 'gallery' 1: expected an object"),
        ({**OBJECTS[0], "gallery": [{"val_image_id": "8"}]}, r".*'val_image_id' is a str"),
    ],
)
def test_annotations_that_do_not_fit_are_named(tmp_path: Path, entry: Entry, said: str) -> None:
    data = laid_out(tmp_path, {"focus_object": [OBJECTS[0], entry]})
    with pytest.raises(InputError, match=r"focus_object\.json, " + said):
        genecis_benchmark(data, "focus_object")


@pytest.mark.parametrize(
    "box", [[1, 2, 3], [1, 2, 3, "4"], [1, 2, 0, 4], [1, 2, 3, True], [1, 2, 3, float("nan")]]
)
def test_a_box_that_is_none_is_named(tmp_path: Path, box: list[Any]) -> None:
    wrong = question("wet", genome(1, 4, 2, 10, 10), {"image_id": 2, "instance_bbox": box}, coco(8))
    data = laid_out(tmp_path, {"focus_attribute": [wrong]})
    with pytest.raises(InputError, match=r"attribute\.json, entry 0, 'target': 'instance_bbox' is"):
        genecis_benchmark(data, "focus_attribute")


def test_a_box_outside_its_picture_is_named(tmp_path: Path) -> None:
    wrong = question("wet", genome(1, 4, 2, 10, 10), genome(2, 90, 0, 8, 4), genome(2, 0, 0, 8, 4))
    data = laid_out(tmp_path, {"focus_attribute": [wrong]})
    with pytest.raises(InputError, match=r"2\.jpg: \(90, 0, 8, 4\) in 32 x 24 pixels"):
        genecis_benchmark(data, "focus_attribute").pictures()


@pytest.mark.parametrize("split", ["focus_object", "focus_attribute"])
def test_a_picture_that_is_not_there_is_named(tmp_path: Path, split: str) -> None:
    data = laid_out(tmp_path)
    file = {"focus_object": "coco/val2017/000000000010.jpg", "focus_attribute": "VG_100K_all/2.jpg"}
    (data / file[split]).unlink()
    with pytest.raises(InputError, match=file[split] + ": named by the benchmark, but not there"):
        genecis_benchmark(data, split).pictures()


def test_a_picture_without_a_header_is_named(tmp_path: Path) -> None:
    data = laid_out(tmp_path)
    (data / "VG_100K_all" / "2.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"2\.jpg: cannot be read as a picture"):
        genecis_benchmark(data, "focus_attribute").pictures()
