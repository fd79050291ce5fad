"""Captioned pictures from each kind of file in which they are published."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.benchmarks.captions import CaptionsBenchmark, captions_benchmark
from models.errors import InputError
from tests.fakes import picture


def texts(benchmark: CaptionsBenchmark) -> dict[str, tuple[str, ...]]:
    return {each.file: each.captions for each in benchmark.captioned}


def table(data: Path, *rows: str) -> Path:
    (data / "captions.tsv").write_text("\n".join(["file\tsplit\tcaption", *rows]) + "\n")
    return data


def save(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        picture("red").save(file)


def test_captions_are_counted_both_ways_and_the_best_ranked_of_a_picture_counts(
    tmp_path: Path,
) -> None:
    rows = ["a.jpg\tval\tone", "a.jpg\tval\ttwo", "b.jpg\tval\tthree", "c.jpg\ttrain\tfour"]
    benchmark = captions_benchmark(table(tmp_path, *rows))
    to_image, to_text = benchmark.tasks
    assert [question.wordings for question in to_image.questions] == [
        (("one",),),
        (("two",),),
        (("three",),),
    ]
    assert to_text.texts == (("a.jpg#0", "one"), ("a.jpg#1", "two"), ("b.jpg#0", "three"))
    metrics = benchmark.metrics(
        {
            "text_to_image": [["a.jpg", "b.jpg"], ["b.jpg", "a.jpg"], ["a.jpg", "b.jpg"]],
            "image_to_text": [["b.jpg#0", "a.jpg#1", "a.jpg#0"], ["b.jpg#0", "a.jpg#0"]],
        }
    )
    # one finds a; two and three find the other one first
    assert metrics["text_to_image/R@1"] == pytest.approx(1 / 3)
    # a's best caption is second, b's first
    assert metrics["image_to_text/R@1"] == pytest.approx(1 / 2)
    assert metrics["text_to_image/R@5"] == metrics["image_to_text/R@10"] == 1


def test_one_way_is_counted_without_the_other(tmp_path: Path) -> None:
    benchmark = captions_benchmark(table(tmp_path, "a.jpg\tval\tone"))
    metrics = benchmark.metrics({"image_to_text": [["a.jpg#0"]]})
    assert metrics == {f"image_to_text/R@{k}": 1 for k in (1, 5, 10)}


def published_recalls(similarity: np.ndarray, captions: int, k: int) -> tuple[float, float]:
    """Recall both ways of (pictures, pictures x captions), as it is reported for Flickr30K."""
    owner = np.repeat(np.arange(len(similarity)), captions)
    first_pictures = np.argsort(-similarity.T, axis=1)[:, :k]
    first_texts = np.argsort(-similarity, axis=1)[:, :k]
    to_image = np.mean(np.any(first_pictures == owner[:, None], axis=1))
    to_text = np.mean([np.any(owner[row] == at) for at, row in enumerate(first_texts)])
    return float(to_image), float(to_text)


def test_the_figures_are_those_of_a_similarity_matrix(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    files = [f"{at:02}.jpg" for at in range(30)]
    rows = [f"{file}\ttest\ttext" for file in files for _ in range(5)]
    benchmark = captions_benchmark(table(tmp_path, *rows), "test")
    similarity = generator.standard_normal((30, 150)) + np.repeat(np.eye(30), 5, axis=1)
    keys = [key for key, _ in benchmark.tasks[1].texts]
    metrics = benchmark.metrics(
        {
            "text_to_image": [[files[at] for at in row] for row in np.argsort(-similarity.T)],
            "image_to_text": [[keys[at] for at in row] for row in np.argsort(-similarity)],
        }
    )
    for k in (1, 5, 10):
        expected = published_recalls(similarity, 5, k)
        found = metrics[f"text_to_image/R@{k}"], metrics[f"image_to_text/R@{k}"]
        assert found == pytest.approx(expected, abs=1e-12)


def image(filename: str, split: str, *raw: str, **other: object) -> dict[str, object]:
    sentences = [{"raw": text, "tokens": text.split(), "imgid": 0, "sentid": 0} for text in raw]
    return {"filename": filename, "split": split, "sentences": sentences, "imgid": 0} | other


def karpathy(data: Path, *images: object, name: str = "coco") -> Path:
    content = {"images": images, "dataset": name}
    (data / f"dataset_{name}.json").write_text(json.dumps(content))
    return data


def test_karpathys_splits_are_read_and_restval_counts_as_train(tmp_path: Path) -> None:
    data = karpathy(
        tmp_path,
        image("COCO_train2014_1.jpg", "train", "one", filepath="train2014"),
        image("COCO_val2014_2.jpg", "restval", "two", filepath="val2014"),
        image("COCO_val2014_3.jpg", "val", "three", "four", filepath="val2014"),
        image("COCO_val2014_4.jpg", "test", *"abcdef", filepath="val2014"),
    )
    assert captions_benchmark(data).split == "val"
    assert texts(captions_benchmark(data)) == {"COCO_val2014_3.jpg": ("three", "four")}
    assert [*texts(captions_benchmark(data, "train"))] == [
        "COCO_train2014_1.jpg",
        "COCO_val2014_2.jpg",
    ]
    # no caption is left out, of how many there are
    assert texts(captions_benchmark(data, "test")) == {"COCO_val2014_4.jpg": tuple("abcdef")}
    with pytest.raises(InputError, match="--split dev: expected one of test, train, val"):
        captions_benchmark(data, "dev")


@pytest.mark.parametrize(
    "place", ["val2014/a.jpg", "images/val2014/a.jpg", "images/a.jpg", "a.jpg"]
)
def test_a_picture_is_found_below_its_filepath_or_below_images(tmp_path: Path, place: str) -> None:
    benchmark = captions_benchmark(
        karpathy(tmp_path, image("a.jpg", "val", "one", filepath="val2014"))
    )
    with pytest.raises(InputError, match=r"a\.jpg: named by the benchmark, but not there"):
        benchmark.pictures()
    save(tmp_path / place)
    (found,) = benchmark.pictures()
    assert (found.key, found.file.resolve()) == ("a.jpg", tmp_path / place)


TOKENS = """a.jpg#0\tone .
a.jpg#1\ttwo\tparts
b.jpg#0\tthree
2258277193_586949ec62.jpg.1#0\tof no picture
c.jpg#0\tfour
"""


def flickr8k(data: Path, tokens: str = TOKENS, **lists: str) -> Path:
    (data / "Flickr8k.token.txt").write_text(tokens)
    for split, content in (lists or {"train": "a.jpg\n", "dev": "b.jpg\nc.jpg\n"}).items():
        (data / f"Flickr_8k.{split}Images.txt").write_text(content)
    return data


def test_flickr8ks_token_file_is_read_by_its_split_lists(tmp_path: Path) -> None:
    benchmark = captions_benchmark(flickr8k(tmp_path))
    assert benchmark.split == "dev"
    assert texts(benchmark) == {"b.jpg": ("three",), "c.jpg": ("four",)}
    train = captions_benchmark(tmp_path, "train")
    assert texts(train) == {"a.jpg": ("one .", "two\tparts")}
    save(tmp_path / "Flicker8k_Dataset" / "a.jpg")
    assert [each.key for each in train.pictures()] == ["a.jpg"]
    with pytest.raises(InputError, match="--split test: expected one of train, dev"):
        captions_benchmark(tmp_path, "test")


@pytest.mark.parametrize(
    ("name", "content"), [("flickr30k_val.txt", "1.jpg\r\n\r\n"), ("val.txt", "1\n")]
)
def test_flickr30ks_token_file_is_read_by_lists_with_or_without_the_extension(
    tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / "results_20130124.token").write_text("1.jpg#0\tone\r\n2.jpg#0\ttwo\r\n")
    (tmp_path / name).write_text(content)
    benchmark = captions_benchmark(tmp_path)
    assert texts(benchmark) == {"1.jpg": ("one",)}
    save(tmp_path / "flickr30k-images" / "1.jpg")
    assert [each.key for each in benchmark.pictures()] == ["1.jpg"]


def test_the_table_comes_before_published_files(tmp_path: Path) -> None:
    karpathy(flickr8k(tmp_path), image("k.jpg", "val", "one"))
    assert [*texts(captions_benchmark(tmp_path))] == ["k.jpg"]
    table(tmp_path, "t.jpg\tval\tone")
    assert [*texts(captions_benchmark(tmp_path))] == ["t.jpg"]


def test_two_sets_in_one_folder_are_refused(tmp_path: Path) -> None:
    for name in ("coco", "flickr8k"):
        karpathy(tmp_path, image("a.jpg", "val", "one"), name=name)
    with pytest.raises(InputError, match=r"dataset_coco\.json: dataset_flickr8k\.json is there"):
        captions_benchmark(tmp_path)


def test_a_folder_without_captions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none of captions\.tsv, dataset_\*\.json, Flickr8k"):
        captions_benchmark(tmp_path)
    with pytest.raises(InputError, match="not an existing folder"):
        captions_benchmark(tmp_path / "nowhere")


GOOD = image("a.jpg", "val", "one")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"filename": "b.jpg", "split": "val"}, "entry 1: has no 'sentences'"),
        (GOOD, "'filename': 'a.jpg' is there twice"),
        (GOOD | {"filename": 7}, "entry 1: 'filename' is a int"),
        (GOOD | {"filepath": None}, "entry 1: 'filepath' is a NoneType"),
        (image("b.jpg", "val"), "entry 1: 'sentences' is empty"),
        (GOOD | {"sentences": ["one"]}, "entry 1, 'sentences' 0: expected an object"),
        (GOOD | {"sentences": [{"tokens": []}]}, "entry 1, 'sentences' 0: has no 'raw'"),
        ("b.jpg", "entry 1: expected an object"),
    ],
)
def test_a_json_file_that_does_not_fit_is_refused(
    tmp_path: Path, entry: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=rf"dataset_coco\.json.*{message}"):
        captions_benchmark(karpathy(tmp_path, GOOD, entry))


@pytest.mark.parametrize(
    ("tokens", "lists", "message"),
    [
        ("a.jpg#0\tone\na.jpg two\n", {"dev": "a.jpg"}, r"token\.txt, line 2: expected NAME#NUM"),
        ("a.jpg#0\tone\na.jpg#0\ttwo\n", {"dev": "a.jpg"}, r"line 2: a\.jpg#0 is there twice"),
        (TOKENS, {"dev": "a.jpg\ngone.jpg\n"}, r"no caption of gone\.jpg, which Flickr_8k\.dev"),
        (TOKENS, {"dev": "a.jpg\na.jpg\n"}, r"devImages\.txt: 'a\.jpg' is there twice"),
        (TOKENS, {"odd": "a.jpg\n"}, r"no list of a split beside it: Flickr_8k\.SPLITImages"),
        (TOKENS, {"dev": "\n"}, r"devImages\.txt: names no picture"),
    ],
)
def test_token_files_that_do_not_fit_are_refused(
    tmp_path: Path, tokens: str, lists: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        captions_benchmark(flickr8k(tmp_path, tokens, **lists))
