"""A published MagicLens file is read as data, converted whole, or refused in one line."""

import io
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import torch

from models.errors import ModelError
from models.magiclens.checkpoint import Array, read_checkpoint
from models.magiclens.folder import convert, read_folder
from models.magiclens.sizes import MagicLensSizes
from tests.models.magiclens_checkpoints import extension, save_random, save_tree, tree_of

PUBLISHED = next((Path(__file__).parents[1] / "data" / "magiclens").glob("*.pkl"))
SCALE = "clip/text/ln_final/scale"
EMBEDDING = "clip/text/token_embedding/embedding"
LAYER = "clip/text/transformer/resblocks_0/"

# every number another than in the published files, and no two equal where they could be mixed up
OTHER_SIZES = MagicLensSizes(
    dimension=24,
    vision_width=60,
    vision_layers=3,
    vision_heads=5,
    patch=8,
    resolution=40,
    text_width=36,
    text_layers=1,
    text_heads=3,
    context=20,
    vocabulary=301,
    fusion_layers=2,
    fusion_heads=4,
    fusion_inner=56,
    pooler_heads=6,
)


@pytest.fixture
def arrays() -> dict[str, Array]:
    return read_checkpoint(PUBLISHED)


def refusal(checkpoint: Path) -> str:
    """The one line in which a conversion is refused, nothing having been written."""
    out = checkpoint.parent / "out"
    with pytest.raises(ModelError) as refused:
        convert(checkpoint, out)
    assert "\n" not in str(refused.value)
    assert not out.exists()
    return str(refused.value)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


class Hostile:
    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.call = (call, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_names_a_global_is_refused_by_its_name_and_nothing_runs(
    tmp_path: Path, protocol: int
) -> None:
    hostile = pickle.dumps(Hostile(os.mkdir, str(tmp_path / "ran")), protocol)
    assert f"names '{os.mkdir.__module__}.mkdir'" in refusal(written(tmp_path / "m.pkl", hostile))
    assert not (tmp_path / "ran").exists()


def test_a_pickle_that_names_a_global_after_its_bytes_is_refused(tmp_path: Path) -> None:
    both = pickle.dumps((b"bytes", Hostile(os.mkdir, str(tmp_path / "ran"))))
    assert ".mkdir'" in refusal(written(tmp_path / "m.pkl", both))


@pytest.mark.parametrize("protocol", [0, 4])
def test_a_pickle_with_a_persistent_id_is_refused(tmp_path: Path, protocol: int) -> None:
    class Persistent(pickle.Pickler):
        def persistent_id(self, _: object) -> str:
            return "elsewhere"

    stream = io.BytesIO()
    Persistent(stream, protocol).dump(b"")
    assert "outside itself" in refusal(written(tmp_path / "m.pkl", stream.getvalue()))


@pytest.mark.parametrize("content", [{"params": {}}, "text", [b"bytes"], 7, None])
def test_a_pickle_of_anything_but_bytes_is_refused(tmp_path: Path, content: object) -> None:
    checkpoint = written(tmp_path / "m.pkl", pickle.dumps(content))
    assert "expected a pickle of one bytes object" in refusal(checkpoint)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        PUBLISHED.read_bytes()[:1000],
        PUBLISHED.read_bytes()[:-2],
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"short of what it claims.",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**64 - 1) + b".",
        b"\x80\x04B" + struct.pack("<I", 2**32 - 1) + b".",
    ],
)
def test_a_file_that_is_no_whole_pickle_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "cannot be read as a pickle" in refusal(written(tmp_path / "m.pkl", content))


def test_a_file_that_goes_on_after_its_pickle_is_refused(tmp_path: Path) -> None:
    longer = PUBLISHED.read_bytes() + b"more"
    assert "goes on after the end" in refusal(written(tmp_path / "m.pkl", longer))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "m.pkl")


def a_map_that_claims_a_billion_names() -> bytes:
    return b"\xdf" + struct.pack(">I", 10**9)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        a_map_that_claims_a_billion_names(),
        b"\x81\xa6params" * 600,
        msgpack.packb({"params": {}}) + b"more",
        msgpack.packb({1: {}}),
        msgpack.packb({"a/b": {}}),
        msgpack.packb({"params": {"two\nlines": 1.0}}),
        b"\x82\xa1a\x80\xa1a\x80",
        msgpack.packb({"params": [1.0]}),
    ],
)
def test_bytes_that_are_no_tree_of_names_are_refused(tmp_path: Path, payload: bytes) -> None:
    refusal(written(tmp_path / "m.pkl", pickle.dumps(payload)))


@pytest.mark.parametrize("root", ["state", "Params"])
def test_another_root_is_refused(tmp_path: Path, arrays: dict[str, Array], root: str) -> None:
    tree = {root: tree_of(arrays)["params"]}
    assert f"the one root 'params', found '{root}'" in refusal(save_tree(tmp_path / "m.pkl", tree))


def test_a_second_root_is_refused(tmp_path: Path, arrays: dict[str, Array]) -> None:
    tree = tree_of(arrays) | {"step": {}}
    assert "'params', 'step'" in refusal(save_tree(tmp_path / "m.pkl", tree))


def with_nan(array: Array) -> Array:
    changed = array.copy()
    changed.flat[3] = np.nan
    return changed


def packed(*parts: object) -> msgpack.ExtType:
    return msgpack.ExtType(1, msgpack.packb(parts))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_nan, "NaN"),
        (lambda a: np.full_like(a, np.inf), "infinity"),
        (lambda a: a.astype(np.float64) * 1e300, "infinity"),
        (lambda a: a.astype(np.int32), "'int32'"),
        (lambda a: packed(a.shape, "object", bytes(a)), "'object'"),
        (lambda a: packed(a.shape, "complex64", bytes(a) * 2), "'complex64'"),
        (lambda a: packed(a.shape, "float32", bytes(a)[:-4]), "252 bytes, expected 256"),
        (lambda a: packed((2, 64), "float32", bytes(a)), "256 bytes, expected 512"),
        (lambda a: packed((-64,), "float32", bytes(a)), "shape [-64]"),
        (lambda a: packed((-1, -64), "float32", bytes(a)), "shape [-1, -64]"),
        (lambda a: packed((64.0,), "float32", bytes(a)), "shape [64.0]"),
        (lambda a: packed((64,), "float32"), "shape, type and bytes"),
        (lambda _: msgpack.ExtType(1, b""), "as an array"),
        (lambda _: msgpack.ExtType(2, msgpack.packb((0.0, 1.0))), "extension 2"),
        (lambda a: msgpack.ExtType(77, extension(a).data), "extension 77"),
        (lambda _: 1.0, "expected an array, found 1.0"),
        (lambda a: a[:-1], "has the shape (63,), expected (64,)"),
        (lambda a: a[:, None], "has the shape (64, 1), expected (64,)"),
        (lambda a: {"a": a}, f"{SCALE} is missing"),
    ],
)
def test_a_damaged_array_is_refused_by_its_name(
    tmp_path: Path, arrays: dict[str, Any], change: Callable[[Array], Any], said: str
) -> None:
    arrays[SCALE] = change(arrays[SCALE])
    line = refusal(save_tree(tmp_path / "m.pkl", tree_of(arrays)))
    assert SCALE in line
    assert said in line


def test_every_array_is_missed_by_its_name(tmp_path: Path, arrays: dict[str, Array]) -> None:
    for name in arrays:
        rest = {other: array for other, array in arrays.items() if other != name}
        assert name in refusal(save_tree(tmp_path / "m.pkl", tree_of(rest)))


@pytest.mark.parametrize("name", ["clip/text/extra", "clip/visual/conv1/bias", "step"])
def test_an_unknown_array_is_refused_by_its_name(
    tmp_path: Path, arrays: dict[str, Array], name: str
) -> None:
    arrays[name] = np.zeros(3, np.float32)
    line = refusal(save_tree(tmp_path / "m.pkl", tree_of(arrays)))
    assert f"{name} of shape (3,) is unknown" in line


def test_a_gap_between_layers_is_refused(tmp_path: Path, arrays: dict[str, Array]) -> None:
    moved = {name.replace("resblocks_1", "resblocks_2"): array for name, array in arrays.items()}
    line = refusal(save_tree(tmp_path / "m.pkl", tree_of(moved)))
    assert "found 0, 2, expected 0, 1, ... without a gap" in line


def test_positions_that_are_no_square_and_one_are_refused(
    tmp_path: Path, arrays: dict[str, Array]
) -> None:
    arrays["clip/visual/positional_embedding"] = np.zeros((16, 64), np.float32)
    line = refusal(save_tree(tmp_path / "m.pkl", tree_of(arrays)))
    assert "clip/visual/positional_embedding has 16 positions" in line


def in_bfloat16(array: Array) -> msgpack.ExtType:
    upper = (np.ascontiguousarray(array).view(np.uint32) >> 16).astype(np.uint16)
    return extension(upper.reshape(array.shape), "bfloat16")


def in_chunks(array: Array) -> dict[str, Any]:
    flat = array.reshape(-1)
    return {
        "__msgpack_chunked_array__": True,
        "shape": {str(axis): length for axis, length in enumerate(array.shape)},
        # flax numbers them, and maps need not keep an order
        "chunks": {"1": flat[1000:2000], "0": flat[:1000], "2": flat[2000:]},
    }


@pytest.mark.parametrize(
    "stored",
    [
        in_bfloat16,
        in_chunks,
        lambda array: array.astype(np.float16),
        lambda array: array.astype(np.float64),
    ],
)
def test_an_array_reads_the_same_however_it_is_stored(
    tmp_path: Path, arrays: dict[str, Any], stored: Callable[[Array], Any]
) -> None:
    # quarters, which every one of the types holds exactly
    quarters = np.asarray((np.arange(512 * 64).reshape(512, 64) % 64 - 32) / 4, np.float32)
    arrays[EMBEDDING] = stored(quarters)
    read = read_checkpoint(save_tree(tmp_path / "m.pkl", tree_of(arrays)))[EMBEDDING]
    assert read.dtype == np.float32
    assert np.array_equal(read, quarters)


@pytest.mark.parametrize(
    "change",
    [
        {"shape": {"0": 512, "1": 65}},
        {"shape": {"0": 512, "2": 64}},
        {"shape": {"0": -512, "1": -64}},
        {"chunks": {"0": np.zeros((512, 64), np.float32)}},
        {"chunks": {}},
        {"chunks": 3},
        {"more": 1},
    ],
)
def test_chunks_that_do_not_make_up_the_array_are_refused_by_its_name(
    tmp_path: Path, arrays: dict[str, Any], change: dict[str, Any]
) -> None:
    arrays[EMBEDDING] = in_chunks(arrays[EMBEDDING]) | change
    assert EMBEDDING in refusal(save_tree(tmp_path / "m.pkl", tree_of(arrays)))


def test_a_numpy_scalar_is_an_array_without_axes(tmp_path: Path, arrays: dict[str, Any]) -> None:
    arrays["clip/logit_scale"] = msgpack.ExtType(3, extension(np.asarray(np.float32(4.5))).data)
    read = read_checkpoint(save_tree(tmp_path / "m.pkl", tree_of(arrays)))
    assert read["clip/logit_scale"].shape == ()
    assert read["clip/logit_scale"] == 4.5


def test_a_checkpoint_of_other_sizes_is_converted_and_runs(tmp_path: Path) -> None:
    convert(save_random(tmp_path / "m.pkl", OTHER_SIZES), tmp_path / "out")
    module, card = read_folder(tmp_path / "out")
    assert card.sizes == OTHER_SIZES
    with torch.inference_mode():
        images = module.encode_images(torch.rand(3, 50, 40, 3))
        texts = module.encode_tokens(torch.tensor([[1, 300, *[0] * 18]])).expand(3, -1)
        assert module.fuse(images, texts).shape == (3, 24)
