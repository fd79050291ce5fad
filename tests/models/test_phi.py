"""Published networks give the words that can be worked out by hand; damaged ones are refused."""

import json
from concurrent.futures import ThreadPoolExecutor
from math import erf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.errors import InputError, ModelError
from models.phi import Phi, PhiKind, Weights, pin_phi, read_phi, read_published, write_phi
from models.space import Space

SPACE = Space("heavy", "0123456789abcdef", 2)


def gelu(x: float) -> float:
    return 0.5 * x * (1 + erf(x / 2**0.5))


def mlp() -> Weights:
    """(a, b) -> three units of a + b, of which the second layer adds two -> twice that, and 1."""
    return {
        "layers.0.weight": torch.tensor([[1.0, 1.0]] * 3),
        "layers.0.bias": torch.zeros(3),
        "layers.3.weight": torch.tensor([[1.0, 1.0, 0.0], [0, 0, 0], [0, 0, 0]]),
        "layers.3.bias": torch.zeros(3),
        "layers.6.weight": torch.tensor([[2.0, 0.0, 0.0]] * 4),
        "layers.6.bias": torch.ones(4),
    }


def blocks(count: int) -> Weights:
    """Each block halves the first number and takes 1 from the second; the end repeats both."""
    weights = {
        "fc_out.weight": torch.tensor([[1.0, 0.0], [0.0, 1.0]] * 2),
        "fc_out.bias": torch.zeros(4),
    }
    for block in range(count):
        weights[f"layers.{block}.0.weight"] = torch.tensor([[0.5, 0.0], [0.0, 1.0]])
        weights[f"layers.{block}.0.bias"] = torch.tensor([0.0, -1.0])
    return weights


def saved(folder: Path, content: object) -> Path:
    torch.save(content, folder / "phi.pt")
    return folder / "phi.pt"


def pinned(folder: Path, kind: PhiKind = "lincir") -> Phi:
    content = mlp() if kind != "pic2word" else {"state_dict_img2text": blocks(2)}
    return pin_phi(kind, saved(folder, content), SPACE, word_width=4)


def row(*numbers: float) -> np.ndarray:
    return np.array([numbers], dtype=np.float32)


def test_three_layers_with_gelu_give_their_words_by_hand(tmp_path: Path) -> None:
    words = pinned(tmp_path).words(row(0.5, -1.5))
    expected = 1 + 2 * gelu(2 * gelu(-1.0))
    assert words.shape == (1, 4) and words.dtype == np.float32
    assert np.allclose(words, expected, atol=1e-6)


def test_blocks_with_relu_give_their_words_by_hand(tmp_path: Path) -> None:
    phi = pinned(tmp_path, "pic2word")
    assert phi.words(row(8.0, 5.0)).tolist() == [[2.0, 3.0, 2.0, 3.0]]
    # the second number falls to zero in the first block and cannot fall further
    assert phi.words(row(-8.0, 0.5)).tolist() == [[0.0, 0.0, 0.0, 0.0]]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_pic2word_may_have_any_number_of_blocks(tmp_path: Path, count: int) -> None:
    file = saved(tmp_path, {"state_dict_img2text": blocks(count)})
    words = pin_phi("pic2word", file, SPACE, 4).words(row(8.0, 9.0))
    assert words[0, :2].tolist() == [8.0 / 2**count, 9.0 - count]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("searle", mlp()),
        ("lincir", mlp()),
        ("searle", {"epoch": 3, "Phi": mlp()}),
        ("lincir", {"epoch": 3, "Phi": mlp()}),
        ("lincir", {"Phi": {f"module.{key}": value for key, value in mlp().items()}}),
        ("lincir", {key: value.half() for key, value in mlp().items()}),
        ("pic2word", {"epoch": 1, "state_dict": {}, "state_dict_img2text": blocks(2)}),
        (
            "pic2word",
            {"state_dict_img2text": {f"module.{k}": v for k, v in blocks(2).items()}},
        ),
    ],
)
def test_a_file_is_read_as_its_authors_publish_it(
    tmp_path: Path, kind: PhiKind, content: object
) -> None:
    weights = read_published(kind, saved(tmp_path, content))
    expected = blocks(2) if kind == "pic2word" else mlp()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[key], expected[key]) for key in expected)


def changed(**changes: object) -> dict[str, Any]:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    return {key: value for key, value in {**mlp(), **named}.items() if value is not None}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (changed(layers__3__bias=None), r"has no layers\.3\.bias"),
        (changed(layers__9__bias=torch.zeros(1)), r"has layers\.9\.bias"),
        (changed(layers__3__weight=torch.zeros(3, 5)), r"layers\.3\.weight is \(3, 5\)"),
        (changed(layers__3__weight=torch.zeros(3)), r"layers\.3\.weight is \(3,\)"),
        (changed(layers__6__bias=torch.zeros(5)), r"layers\.6\.bias is \(5,\)"),
        (changed(layers__6__bias=torch.tensor(1.0)), r"layers\.6\.bias"),
        (changed(layers__0__bias=torch.tensor([0, float("nan"), 0])), r"layers\.0\.bias .*finite"),
        (changed(layers__0__bias=torch.tensor([0, float("inf"), 0])), r"layers\.0\.bias .*finite"),
        (changed(layers__0__bias=torch.zeros(3, dtype=torch.int64)), r"layers\.0\.bias .*int64"),
        (changed(layers__0__bias="zeros"), r"layers\.0\.bias is str"),
        (changed(layers__0__bias=torch.tensor([1e300, 0, 0], dtype=torch.float64)), "finite"),
        (changed(layers__0__bias=torch.zeros(3, device="meta")), r"layers\.0\.bias is not a plain"),
        (changed(layers__0__bias=torch.zeros(3).to(torch.float8_e4m3fn)), "float8"),
        ({"Phi": [1, 2]}, "expected a dictionary"),
        ([mlp()], "expected a dictionary"),
        ({1: torch.zeros(2)}, "expected a dictionary"),
        ({}, r"has no layers\.0"),
    ],
)
def test_wrong_weights_are_refused_by_key(tmp_path: Path, content: object, named: str) -> None:
    with pytest.raises(ModelError, match=named) as raised:
        read_published("lincir", saved(tmp_path, content))
    assert "phi.pt" in str(raised.value) and "\n" not in str(raised.value)


def test_pic2word_is_looked_for_where_it_is_published(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="state_dict_img2text"):
        read_published("pic2word", saved(tmp_path, blocks(2)))


def test_a_gap_in_the_blocks_is_refused_by_key(tmp_path: Path) -> None:
    weights = {key: value for key, value in blocks(3).items() if not key.startswith("layers.1")}
    with pytest.raises(ModelError, match=r"layers\.2\.0\.bias"):
        read_published("pic2word", saved(tmp_path, {"state_dict_img2text": weights}))


class Anything:
    """Not a weight: to read it, code would have to run."""


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half of one"])
def test_a_file_that_is_no_checkpoint_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "phi.pt").write_bytes(content)
    with pytest.raises(ModelError, match=r"phi\.pt") as raised:
        read_published("searle", tmp_path / "phi.pt")
    assert "\n" not in str(raised.value)


def test_a_file_that_holds_more_than_weights_is_not_read(tmp_path: Path) -> None:
    file = saved(tmp_path, {"Phi": mlp(), "args": Anything()})
    with pytest.raises(ModelError, match="more than weights"):
        read_published("searle", file)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"missing\.pt"):
        read_published("searle", tmp_path / "missing.pt")


@pytest.mark.parametrize(
    ("dimension", "width", "named"),
    [
        (3, 4, "2 dimensions, heavy has 3: a phi for another space"),
        (2, 5, "width 4, the text tower of heavy takes 5: a phi for another space"),
        (2, None, "takes no pseudo-words"),
    ],
)
def test_a_network_for_another_space_is_refused(
    tmp_path: Path, dimension: int, width: int | None, named: str
) -> None:
    space = Space("heavy", "ff", dimension)
    with pytest.raises(ModelError, match=named):
        pin_phi("lincir", saved(tmp_path, mlp()), space, width)


@pytest.mark.parametrize("kind", ["searle", "lincir", "pic2word"])
def test_a_folder_gives_back_the_network_that_was_written(tmp_path: Path, kind: PhiKind) -> None:
    written = pinned(tmp_path, kind)
    write_phi(tmp_path / "out", written)
    read = read_phi(tmp_path / "out")
    assert (read.kind, read.space, read.width) == (kind, SPACE, 4)
    assert read.space.model == "heavy" and read.origin == written.origin
    assert (read.words(row(1.0, 2.0)) == written.words(row(1.0, 2.0))).all()
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"phi.json", "phi.safetensors"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format": "other"}, "pictor-phi"),
        ({"version": 9}, "version 9"),
        ({"kind": "seattle"}, "searle, lincir, pic2word"),
        ({"kind": "pic2word"}, r"has no fc_out\.bias"),
        ({"width": 5}, "words of 4.* to 5"),
        ({"width": "4"}, "'4'"),
        ({"space": {"model": "heavy", "revision": "ff", "dimension": 3}}, "3 to 4"),
        ({"space": None}, "space"),
        ({"origin": 1}, "origin"),
        ({"weights_sha256": "00"}, r"phi\.safetensors: not the weights"),
    ],
)
def test_a_wrong_folder_is_refused_by_field(
    tmp_path: Path, change: dict[str, object], named: str
) -> None:
    write_phi(tmp_path, pinned(tmp_path))
    content = json.loads((tmp_path / "phi.json").read_text())
    (tmp_path / "phi.json").write_text(json.dumps(content | change))
    with pytest.raises(ModelError, match=named) as raised:
        read_phi(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["phi.json", "phi.safetensors"])
def test_half_a_folder_is_refused_by_name(tmp_path: Path, name: str) -> None:
    write_phi(tmp_path, pinned(tmp_path))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=name):
        read_phi(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ModelError, match=name):
        read_phi(tmp_path)


def test_embeddings_of_another_dimension_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\(1, 3\), expected \(n, 2\)"):
        pinned(tmp_path).words(row(1.0, 2.0, 3.0))


def test_no_embeddings_give_no_words(tmp_path: Path) -> None:
    assert pinned(tmp_path).words(np.empty((0, 2), dtype=np.float32)).shape == (0, 4)


def test_several_threads_get_the_words_of_their_own_pictures(tmp_path: Path) -> None:
    phi = pinned(tmp_path, "pic2word")
    pictures = [row(4.0 * i, 2.0) for i in range(64)]
    with ThreadPoolExecutor(8) as pool:
        words = list(pool.map(phi.words, pictures))
    assert [float(found[0, 0]) for found in words] == [float(i) for i in range(64)]
