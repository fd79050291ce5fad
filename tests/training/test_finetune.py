"""A model is adapted to pictures of one's own, as a new space, and forgets little."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from index.collection import Collection
from index.search import search
from models.device import choose_placement
from models.errors import InputError, ModelError, SpaceError
from models.load import load_encoder, load_folder, load_parts
from models.openclip import CONFIG_FILE, build, clip_tokenizer
from models.openclip_encoder import OpenClipEncoder
from models.preprocess import Preprocessing
from models.query import single
from tests.index.album import build as build_collection
from tests.training import tiny
from training.config import checked, read_toml
from training.export import MERGES_FILE, WEIGHTS_FILE, export_model
from training.finetune import (
    FinetuneStep,
    new_learner,
    old_learner,
    rehearse_export,
    train_finetune,
)
from training.finetune_config import FinetuneConfig
from training.finetune_pictures import gather_captioned, scaled, view_boxes
from training.isa import PROBES

CONFIG = """
kind = "finetune"
name = "mine"
seed = 3
model = "old"
data = "data"
out = "out"
steps = 4
batch = 8
learning_rate = 1e-2
text_learning_rate = 1e-2
warmup_steps = 1
checkpoint_every = 20

[[captions]]
folder = "images"
table = "captions.tsv"

[[classes]]
path = "classes"
"""
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 30),
    "blue": (30, 30, 220),
    "grey": (99, 99, 99),
}
CPU = choose_placement("cpu")


def write_run(folder: Path) -> Path:
    """Four captioned pictures and a class of two, beside a model that has seen none of them."""
    tiny.gallery_model(folder / "old")
    rows = ["file\tsplit\tcaption"]
    (folder / "data" / "images").mkdir(parents=True)
    for colour, value in COLOURS.items():
        Image.new("RGB", (40, 40), value).save(folder / "data" / "images" / f"{colour}.png")
        rows.append(f"{colour}.png\ttrain\ta {colour} picture")
    (folder / "data" / "captions.tsv").write_text("\n".join(rows) + "\n")
    (folder / "data" / "classes" / "half_moon").mkdir(parents=True)
    for shade in (180, 250):
        image = Image.new("RGB", (40, 40))
        image.paste((shade, shade, 0), (0, 0, 20, 40))
        image.save(folder / "data" / "classes" / "half_moon" / f"{shade}.png")
    path = folder / "mine.toml"
    path.write_text(CONFIG)
    return path


def with_lines(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n" + path.read_text())
    return path


def edited(path: Path, was: str, becomes: str) -> Path:
    path.write_text(path.read_text().replace(was, becomes))
    return path


def config_of(path: Path) -> FinetuneConfig:
    return checked(path, read_toml(path), FinetuneConfig)


def run(path: Path, report: Callable[[str], None] = lambda line: None) -> Path:
    return train_finetune(config_of(path), CPU, threads=1, report=report)


def encoder_of(folder: Path) -> OpenClipEncoder:
    encoder = load_encoder(str(folder), CPU, announce=print)
    assert isinstance(encoder, OpenClipEncoder)
    return encoder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / WEIGHTS_FILE)


def changed(before: Path, after: Path) -> set[str]:
    old, new = weights(before), weights(after)
    return {name for name in old if not torch.equal(old[name], new[name])}


def test_a_run_ends_in_a_model_of_a_new_space(tmp_path: Path) -> None:
    folder = run(write_run(tmp_path))
    old, new = encoder_of(tmp_path / "old"), encoder_of(folder)
    assert new.space != old.space and new.fills_galleries
    assert new.encode_texts(["a red picture"]).shape == (1, tiny.DIMENSION)
    assert new.preprocessing == old.preprocessing
    merges = [place / MERGES_FILE for place in (folder, tmp_path / "old")]
    assert merges[0].read_bytes() == merges[1].read_bytes()
    left = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert left == ["checkpoint.pt", "log", "model"]


def test_an_old_collection_refuses_the_new_model_and_goes_on_with_the_old_one(
    tmp_path: Path,
) -> None:
    path = write_run(tmp_path)
    old = encoder_of(tmp_path / "old")
    build_collection(tmp_path / "collection", tmp_path / "data" / "images", encoder=old)
    new = encoder_of(run(path))
    collection = Collection.open(tmp_path / "collection")
    with collection.snapshot() as snapshot:
        (text,) = old.encode_texts(["a red picture"])
        assert len(search(snapshot, single(old.space, text)).hits) == len(COLOURS)
        (text,) = new.encode_texts(["a red picture"])
        with pytest.raises(SpaceError, match=rf"{new.space}, the collection is of {old.space}"):
            search(snapshot, single(new.space, text))
    collection.close()


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def kill(line: str) -> None:
    if line.startswith("finetune 50/"):
        raise Killed


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    paths = [
        with_lines(edited(write_run(tmp_path / name), "steps = 4", "steps = 52"), "ema_decay = 0.5")
        for name in ("a", "b")
    ]
    undisturbed = run(paths[0])
    with pytest.raises(Killed):
        run(paths[1], report=kill)
    assert not (tmp_path / "b" / "out" / "model").exists()
    resumed = run(paths[1])
    assert (resumed / WEIGHTS_FILE).read_bytes() == (undisturbed / WEIGHTS_FILE).read_bytes()


@pytest.mark.parametrize("method", ["mod-x", "plain"])
def test_another_configuration_does_not_go_on_from_a_checkpoint(
    tmp_path: Path, method: str
) -> None:
    path = with_lines(write_run(tmp_path), f'method = "{method}"')
    run(path)
    tiny.gallery_model(tmp_path / "other", layers=2)
    with pytest.raises(InputError, match="another configuration"):
        run(edited(path, '"old"', '"other"'))
    edited(path, '"other"', '"old"')
    with pytest.raises(InputError, match="another configuration"):
        run(edited(path, f'"{method}"', '"plain"' if method == "mod-x" else '"mod-x"'))


def first_losses(path: Path) -> dict[str, float]:
    config = config_of(path)
    name, loaded = load_parts(config.model, announce=print)
    learner = new_learner(config, name, loaded, CPU)
    captioned = gather_captioned(config, loaded.preprocessing, 1, report=print)
    old = old_learner(loaded, CPU) if config.method == "mod-x" else None
    step = FinetuneStep(config, learner, old, loaded.preprocessing, captioned)
    losses = step(np.random.default_rng(0))
    return {name: float(loss.detach()) for name, loss in losses.items()}


def test_before_anything_is_learned_there_is_nothing_to_hold(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    losses = first_losses(path)
    assert losses["clip"] > 0 and losses["mod-x"] == pytest.approx(0, abs=1e-6)
    plain = first_losses(with_lines(path, 'method = "plain"'))
    assert plain == {"clip": losses["clip"]}


def cosines(folder: Path) -> np.ndarray:
    """Of the four pictures (rows) and their captions (columns)."""
    encoder = encoder_of(folder)
    images = encoder.encode_images(
        [encoder.prepare(Image.new("RGB", (40, 40), value)) for value in COLOURS.values()]
    )
    texts = encoder.encode_texts([f"a {colour} picture" for colour in COLOURS])
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    return images @ texts.T


def darkened(folder: Path) -> None:
    """Another domain: the captioned pictures, half as light."""
    for colour, value in COLOURS.items():
        dark = Image.new("RGB", (40, 40), (value[0] // 2, value[1] // 2, value[2] // 2))
        dark.save(folder / "data" / "images" / f"{colour}.png")


@pytest.mark.slow
def test_what_was_known_stays_where_it_is_held(tmp_path: Path) -> None:
    path = with_lines(write_run(tmp_path), 'method = "plain"', "colour_jitter = 0.0")
    edited(edited(path, "1e-2", "1e-3"), "steps = 4", "steps = 60")
    before = cosines(run(path))
    assert (before.argmax(axis=1) == np.arange(4)).all()
    darkened(tmp_path)
    edited(edited(path, '"old"', '"out/model"'), "steps = 60", "steps = 25")

    def forgotten(method: str) -> float:
        other = tmp_path / f"{method}.toml"
        other.write_text(path.read_text().replace('"out"', f'"{method}"'))
        edited(other, 'method = "plain"', f'method = "{method}"')
        return float(np.abs(cosines(run(other)) - before).mean())

    assert forgotten("mod-x") < forgotten("plain") / 2


def test_frozen_weights_stay_as_they_are(tmp_path: Path) -> None:
    moved = changed(tmp_path / "a" / "old", run(write_run(tmp_path / "a")))
    assert {"visual.conv1.weight", "token_embedding.weight", "logit_scale"} <= moved
    path = with_lines(write_run(tmp_path / "b"), 'frozen = ["visual.", "logit_scale"]')
    moved = changed(tmp_path / "b" / "old", run(path))
    assert moved and not any(name.startswith(("visual.", "logit_scale")) for name in moved)


def test_a_text_tower_without_a_learning_rate_stays_as_it_is(tmp_path: Path) -> None:
    path = edited(write_run(tmp_path), "text_learning_rate = 1e-2", "text_learning_rate = 0")
    moved = changed(tmp_path / "old", run(path))
    assert moved and all(name.startswith(("visual.", "logit_scale")) for name in moved)


@pytest.mark.parametrize(
    ("frozen", "named"),
    [
        ('["visul."]', "frozen: 'visul.' begins no weight of old"),
        ('["visual.", "t", "p", "ln_final."]', "frozen: nothing of old is left to learn"),
    ],
)
def test_frozen_names_are_refused_before_the_pictures(
    tmp_path: Path, frozen: str, named: str
) -> None:
    path = with_lines(write_run(tmp_path), f"frozen = {frozen}")
    (tmp_path / "data" / "captions.tsv").unlink()
    with pytest.raises(InputError, match=named):
        run(path)


def test_a_batch_norm_keeps_its_statistics_and_learns_its_gains(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    file = tmp_path / "old" / CONFIG_FILE
    content = json.loads(file.read_text())
    vision = {"layers": [1, 1, 1, 1], "width": 8, "head_width": 64, "image_size": 32}
    settings = {**content["model_cfg"], "vision_cfg": vision}
    preprocessing = load_folder(tmp_path / "old").preprocessing
    torch.manual_seed(2)
    export_model(tmp_path / "old", build(settings), settings, preprocessing)
    moved = changed(tmp_path / "old", run(path))
    assert "visual.bn1.weight" in moved
    assert not any("running" in name or "num_batches" in name for name in moved)


def test_what_is_exported_is_the_moving_average(tmp_path: Path) -> None:
    folder = run(with_lines(write_run(tmp_path), "ema_decay = 0.5"))
    content = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)
    averaged, last = content["learner"]["average"], content["learner"]["model"]
    name = "text_projection"
    assert torch.equal(weights(folder)[name], averaged[f"module.{name}"].half())
    assert not torch.equal(weights(folder)[name], last[name].half())


def test_what_is_exported_may_lie_between_the_old_weights_and_the_tuned_ones(
    tmp_path: Path,
) -> None:
    tuned = weights(run(write_run(tmp_path / "a")))
    half_way = weights(run(with_lines(write_run(tmp_path / "b"), "tuned_share = 0.5")))
    old = weights(tmp_path / "b" / "old")
    for name, each in half_way.items():
        if each.is_floating_point():
            expected = (old[name].float() + tuned[name].float()) / 2
            assert torch.allclose(each.float(), expected, atol=2e-3), name


def test_a_model_with_clips_own_tokenizer_has_all_of_its_merges_written(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    file = tmp_path / "old" / CONFIG_FILE
    content = json.loads(file.read_text())
    settings = {**content["model_cfg"], "text_cfg": {**tiny.TEXT, "vocab_size": 49408}}
    export_model(
        tmp_path / "old", build(settings), settings, load_folder(tmp_path / "old").preprocessing
    )
    (tmp_path / "old" / MERGES_FILE).unlink()
    tokenizer = load_folder(run(path)).tokenizer
    assert torch.equal(tokenizer(PROBES), clip_tokenizer(16)(PROBES))


def test_a_tokenizer_that_cannot_be_written_is_refused_before_the_pictures(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    kwargs = {"bpe_path": MERGES_FILE, "clean": "canonicalize"}
    tiny.gallery_model(tmp_path / "other", tokenizer_kwargs=kwargs)
    (tmp_path / "data" / "captions.tsv").unlink()
    with pytest.raises(ModelError, match="other: its tokenizer is not CLIP's"):
        run(edited(path, '"old"', '"other"'))
    assert list((tmp_path / "out").iterdir()) == []


def test_preprocessing_that_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    loaded = load_folder(tiny.gallery_model(tmp_path / "old"))
    other = replace(loaded, preprocessing=replace(loaded.preprocessing, fill=255))
    with pytest.raises(ModelError, match=r"old: .*layout: fill is 255, read back 0"):
        rehearse_export(tmp_path, "old", other)


def test_pictures_are_seen_as_the_model_sees_them_at_any_size(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    wide = Image.new("RGB", (120, 40), (0, 0, 255))
    wide.paste((255, 0, 0), (40, 0, 80, 40))
    wide.save(tmp_path / "data" / "images" / "red.png")
    covering = Preprocessing(32, 32, (0.5,) * 3, (0.5,) * 3, resize_to=36)
    larger = scaled(covering, 64)
    assert (larger.height, larger.width, larger.resize_to) == (64, 64, 72)
    assert scaled(covering, None) == covering
    config = config_of(with_lines(path, "picture_px = 64"))
    corpus = gather_captioned(config, covering, 1, report=print).corpus
    assert corpus.pixels.shape == (6, 64, 64, 3)
    assert corpus.pixels[0, 10, 10].tolist() == [255, 0, 0]  # the blue ends are cut off
    assert corpus.groups == (0, 1, 2, 3, 4, 4)


def test_pictures_are_redrawn_and_captions_say_so(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    preprocessing = load_folder(tmp_path / "old").preprocessing
    photographs = gather_captioned(config_of(path), preprocessing, 1, report=print)
    assert photographs.texts(np.array([0]), np.random.default_rng(0)) == ["a red picture"]
    config = config_of(with_lines(path, 'renderings = "drawing"'))
    drawings = gather_captioned(config, preprocessing, 2, report=print)
    assert (drawings.corpus.pixels[..., 0] == drawings.corpus.pixels[..., 1]).all()
    assert drawings.corpus.pixels[0].min() == 255  # one colour has no edge
    assert drawings.corpus.groups == photographs.corpus.groups
    random = np.random.default_rng(0)
    said = {text for _ in range(40) for text in drawings.texts(np.array([0, 4]), random)}
    assert {"a sketch of a red picture", "a line drawing of a half moon"} <= said
    again = gather_captioned(config, preprocessing, 1, report=print)
    assert (again.corpus.pixels == drawings.corpus.pixels).all()


def test_views_are_crops_of_the_picture_and_a_share_of_them_mirrored(tmp_path: Path) -> None:
    config = config_of(
        with_lines(write_run(tmp_path), "smallest_crop = 0.5", "mirrored_share = 0.5")
    )
    boxes = view_boxes(config, 400, np.random.default_rng(0))
    left, top, right, bottom = boxes.T
    assert boxes.dtype == np.float32 and boxes.min() >= 0 and boxes.max() <= 1 + 1e-6
    assert (np.abs(right - left) >= 0.5 - 1e-6).all() and (bottom - top >= 0.5 - 1e-6).all()
    assert 150 < (left > right).sum() < 250
    whole = config.model_copy(update={"smallest_crop": 1.0, "mirrored_share": 0.0})
    assert np.allclose(view_boxes(whole, 3, np.random.default_rng(0)), [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("file", "content"), [("images/red.png", None), ("classes/half_moon/180.png", b"no picture")]
)
def test_a_picture_that_cannot_be_read_ends_the_run_by_name(
    tmp_path: Path, file: str, content: bytes | None
) -> None:
    path = write_run(tmp_path)
    picture = tmp_path / "data" / file
    picture.unlink() if content is None else picture.write_bytes(content)
    with pytest.raises(InputError, match=picture.name):
        run(path)


def test_a_folder_of_classes_without_pictures_is_refused(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    (tmp_path / "data" / "nothing").mkdir()
    text = CONFIG[: CONFIG.index("[[captions]]")] + '[[classes]]\npath = "nothing"\n'
    path.write_text(text)
    with pytest.raises(InputError, match="expected pictures, found 0"):
        run(path)
