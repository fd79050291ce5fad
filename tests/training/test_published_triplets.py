"""Published triplets, each in its official layout, made small."""

import json
from pathlib import Path
from typing import Any

import pytest

from models.errors import InputError
from tests.fakes import COLOURS, picture_bytes
from training.triplets.published import cirr_triplets, fashioniq_triplets, megapairs_triplets
from training.triplets.triplet import Triplet

NAMES = list(COLOURS)
BYTES = {name: picture_bytes(name) for name in NAMES}


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def pictures(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in BYTES.items():
        (folder / f"{name}.png").write_bytes(data)
    return folder


def cirr(data: Path, split: str = "train", **changed: object) -> Path:
    entry = {
        "pairid": 1,
        "reference": "red",
        "target_hard": "blue",
        "caption": "make it blue",
        "img_set": {"members": NAMES},
        **changed,
    }
    write(data / f"captions/cap.rc2.{split}.json", [entry])
    paths = {name: f"./train/34/{name}.png" for name in NAMES}
    write(data / f"image_splits/split.rc2.{split}.json", paths)
    pictures(data / "train" / "34")
    return data


def fashioniq(data: Path, split: str = "train") -> Path:
    target = {} if split == "test" else {"target": "blue"}
    for category in ("dress", "shirt", "toptee"):
        entry = {"candidate": "red", "captions": ["is blue", "no sleeves"], **target}
        write(data / f"captions/cap.{category}.{split}.json", [entry])
        write(data / f"image_splits/split.{category}.{split}.json", NAMES)
    pictures(data / "images")
    return data


def megapairs(data: Path, **changed: object) -> Path:
    entry: dict[str, Any] = {
        "q_img": "red.png",
        "q_text": ["in blue", "as the sea", "the colour of the sky"],
        "t_img": "blue.png",
        "hns": ["red.png", "green.png", "white.png"],
        **changed,
    }
    pictures(data)
    path = data / "megapairs.jsonl"
    path.write_text(f"{json.dumps(entry)}\n" * 20)
    return path


def test_a_pair_of_cirr_is_a_triplet(tmp_path: Path) -> None:
    assert list(cirr_triplets(cirr(tmp_path))) == [
        Triplet(BYTES["red"], BYTES["blue"], "make it blue", ("red", "blue"), "cirr/train")
    ]


def test_a_query_of_fashioniq_is_a_triplet_with_both_captions(tmp_path: Path) -> None:
    triplets = list(fashioniq_triplets(fashioniq(tmp_path)))
    assert [triplet.source for triplet in triplets] == [
        f"fashioniq/train/{category}" for category in ("dress", "shirt", "toptee")
    ]
    assert {triplet.instruction for triplet in triplets} == {"is blue and no sleeves"}
    assert (triplets[0].query, triplets[0].target) == (BYTES["red"], BYTES["blue"])


def test_a_row_of_megapairs_is_a_triplet_with_its_mined_negatives(tmp_path: Path) -> None:
    first, *others = megapairs_triplets(megapairs(tmp_path), tmp_path)
    assert (first.query, first.target) == (BYTES["red"], BYTES["blue"])
    assert (first.ids, first.source) == (("red.png", "blue.png"), "megapairs")
    # the query itself, which is first in the table, is a negative of every query
    assert first.negatives == (BYTES["green"], BYTES["white"])
    assert len(others) == 19


def test_of_a_row_of_megapairs_one_instruction_is_drawn_by_the_seed(tmp_path: Path) -> None:
    table = megapairs(tmp_path)
    drawn = [
        [triplet.instruction for triplet in megapairs_triplets(table, tmp_path, seed=seed)]
        for seed in (0, 0, 1)
    ]
    assert set(drawn[0]) == {"in blue", "as the sea", "the colour of the sky"}
    assert drawn[0] == drawn[1] != drawn[2]


def test_so_many_negatives_are_read_as_are_wanted(tmp_path: Path) -> None:
    table = megapairs(
        tmp_path, hns=["red.png", *(f"{n}.png" for n in NAMES if n not in ("red", "blue"))]
    )
    assert [
        len(next(megapairs_triplets(table, tmp_path, most_negatives=most)).negatives)
        for most in (0, 1, 9)
    ] == [0, 1, 4]
    # of the 4 that the paper trains with, the query itself is one
    assert len(next(megapairs_triplets(table, tmp_path)).negatives) == 3


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"q_text": "in blue"}, "line 1: 'q_text' is a str"),
        ({"q_text": []}, "'q_text': 0 values"),
        ({"q_text": [1]}, "'q_text': expected a list of str"),
        ({"t_img": None}, "line 1: 't_img' is a NoneType"),
        ({"hns": [1]}, "'hns': expected a list of str"),
        ({"hns": ["red.png", "blue.png"]}, "'t_img' 'blue.png' is its own query or negative"),
        ({"t_img": "red.png"}, "'t_img' 'red.png' is its own query or negative"),
        ({"t_img": "../blue.png"}, "line 1: '../blue.png' leads out of"),
        ({"t_img": "blue\0.png"}, "line 1: 'blue.*png' is no path"),
        ({"t_img": "blue\ud83d.png"}, "line 1: 'blue.*png' is no path"),
        ({"t_img": "missing.png"}, r"missing\.png: cannot be read"),
    ],
)
def test_a_wrong_row_of_megapairs_is_refused_by_its_line(
    tmp_path: Path, changed: dict[str, object], named: str
) -> None:
    folder = tmp_path / "images"
    (tmp_path / "blue.png").write_bytes(BYTES["blue"])
    with pytest.raises(InputError, match=named):
        next(megapairs_triplets(megapairs(folder, **changed), folder))


def test_a_split_without_targets_makes_no_triplets(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the test1 split names no targets"):
        next(cirr_triplets(cirr(tmp_path / "cirr", "test1"), "test1"))
    with pytest.raises(InputError, match="the test split names no targets"):
        next(fashioniq_triplets(fashioniq(tmp_path / "fashioniq", "test"), "test"))


def test_what_the_benchmarks_refuse_is_refused_here(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="entry 0: 'target_hard' is 'pink'"):
        next(cirr_triplets(cirr(tmp_path / "cirr", target_hard="pink")))
    data = fashioniq(tmp_path / "fashioniq")
    (data / "images" / "blue.png").unlink()
    with pytest.raises(InputError, match=r"blue\.jpg: named by the benchmark, but not there"):
        next(fashioniq_triplets(data))
