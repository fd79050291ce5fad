"""The word that a user gives for a model leads to that model, or to one plain line."""

import json
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from models import openclip
from models.device import choose_placement
from models.errors import ModelError
from models.hub import files_of_model
from models.huggingface import CLIP_MEAN
from models.load import Encoder, load_encoder
from models.text_tower import encode_tokens

# the smallest architecture that open_clip lists
SMALL = "ViT-S-32-alt"


def load(reference: str) -> Encoder:
    return load_encoder(reference, choose_placement("cpu"), announce=refuse_to_download)


def refuse_to_download(line: str) -> None:
    raise AssertionError(line)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mine.pt"
    torch.save(open_clip.create_model(SMALL).state_dict(), path)
    return path


def test_a_checkpoint_file_of_a_listed_architecture_is_loaded(checkpoint: Path) -> None:
    encoder = load(f"{SMALL}/{checkpoint}")
    assert encoder.space.model == f"{SMALL}/mine.pt"
    assert encoder.encode_texts(["a dog"]).shape == (1, encoder.space.dimension)


def test_a_tag_sets_up_the_model_as_it_was_trained(tmp_path: Path) -> None:
    torch.save(open_clip.create_model("RN50").state_dict(), tmp_path / "rn50.pt")
    by_file = openclip.load_listed("RN50", None, tmp_path / "rn50.pt")
    by_tag = openclip.load_listed("RN50", "openai", tmp_path / "rn50.pt")
    assert not by_file.settings["quick_gelu"]
    assert by_tag.settings["quick_gelu"]
    assert by_tag.preprocessing.mean == CLIP_MEAN


def tiny_folder(folder: Path, **text: object) -> Path:
    """A model in open_clip's layout, with these settings of its text tower."""
    tower = {"context_length": 16, "width": 16, "heads": 2, "layers": 1, **text}
    config = {
        "embed_dim": 8,
        "vision_cfg": {
            "layers": 1,
            "width": 16,
            "head_width": 8,
            "patch_size": 16,
            "image_size": 32,
        },
        "text_cfg": tower,
    }
    torch.manual_seed(1)
    save_file(openclip.build(config).state_dict(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    return folder


def change(folder: Path, section: str, **settings: object) -> None:
    file = folder / "open_clip_config.json"
    content = json.loads(file.read_text())
    content["model_cfg"][section] |= settings
    file.write_text(json.dumps(content))


def test_other_settings_over_the_same_weights_are_another_space(tmp_path: Path) -> None:
    before = load(str(tiny_folder(tmp_path))).space
    change(tmp_path, "text_cfg", heads=4)
    assert load(str(tmp_path)).space != before


def test_a_text_tower_that_looks_ahead_embeds_as_open_clip_does(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, no_causal_mask=True)
    loaded = openclip.load_open_clip_folder(folder)
    module: Any = loaded.module.eval()
    tokens = loaded.tokenizer(["a dog", "a much longer text of cats"])
    with torch.inference_mode():
        whole = module.encode_text(tokens)
        assert torch.allclose(encode_tokens(module, tokens), whole, atol=1e-6)


def test_a_folder_that_asks_for_its_own_code_is_refused_before_any_of_it_is_read(
    tmp_path: Path,
) -> None:
    folder = tiny_folder(tmp_path)
    change(
        folder,
        "text_cfg",
        hf_tokenizer_name="evil",
        tokenizer_kwargs={"trust_remote_code": True},
    )
    auto_map = {"AutoTokenizer": ["evil.Evil", None]}
    (folder / "tokenizer_config.json").write_text(json.dumps({"auto_map": auto_map}))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ModelError, match="'trust_remote_code' is not supported"):
        load(str(folder))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("section", "settings"),
    [
        ("vision_cfg", {"patch_size": 0}),
        ("vision_cfg", {"layers": 7}),
        ("text_cfg", {"vocab_size": 10}),
        ("text_cfg", {"width": "wide"}),
        ("text_cfg", {"tokenizer_kwargs": {"bpe_path": "../elsewhere.gz"}}),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_line(
    tmp_path: Path, section: str, settings: dict[str, object]
) -> None:
    folder = tiny_folder(tmp_path)
    change(folder, section, **settings)
    with pytest.raises(ModelError) as refusal:
        load(str(folder))
    assert "\n" not in str(refusal.value)


def test_a_tokenizer_smaller_than_the_models_vocabulary_is_found_at_once(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be run"):
        load(str(tiny_folder(tmp_path, vocab_size=10)))


@pytest.mark.parametrize("content", [b"", b"junk", b"\x00" * 400])
def test_weights_that_are_junk_are_refused(tmp_path: Path, content: bytes) -> None:
    folder = tiny_folder(tmp_path)
    (folder / "open_clip_model.safetensors").write_bytes(content)
    with pytest.raises(ModelError):
        load(str(folder))


@pytest.mark.parametrize("device", ["mps", "meta", "cuda:77", "abacus", "xpu"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(ModelError, match=device):
        choose_placement(device)


def test_a_file_alone_does_not_say_its_architecture(checkpoint: Path) -> None:
    with pytest.raises(ModelError, match="write it as NAME/"):
        load(str(checkpoint))


def test_weights_of_another_architecture_are_refused(checkpoint: Path) -> None:
    with pytest.raises(ModelError, match="RN50"):
        load(f"RN50/{checkpoint}")


def test_an_architecture_that_nobody_lists_is_refused(checkpoint: Path) -> None:
    with pytest.raises(ModelError, match="ViT-Q-99"):
        load(f"ViT-Q-99/{checkpoint}")


def test_a_typo_is_answered_with_near_names() -> None:
    with pytest.raises(ModelError, match="did you mean ViT-B-32/laion2b_s34b_b79k"):
        load("ViT-B-32/laion2b_s34b_b79")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model there"):
        load(str(tmp_path))


def test_a_checkpoint_with_code_in_it_is_refused_and_nothing_of_it_runs(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"weights": Hostile()}, tmp_path / "hostile.pt")
    with pytest.raises(ModelError, match="holds more than weights"):
        load(f"{SMALL}/{tmp_path / 'hostile.pt'}")
    assert not (tmp_path / "ran").exists()


def test_every_listed_model_lies_in_a_repository_of_the_hub() -> None:
    for architecture, pretrained in openclip.listed_models():
        repository, _ = openclip.hub_place(architecture, pretrained)
        organisation, slash, name = repository.partition("/")
        assert organisation and slash and name


def test_a_files_name_in_the_list_is_kept() -> None:
    assert openclip.hub_place("ViTamin-S", "datacomp1b") == (
        "jienengchen/ViTamin-S",
        "pytorch_model.bin",
    )


def test_of_a_repository_only_what_the_model_needs_is_fetched() -> None:
    both = ["open_clip_config.json", "open_clip_model.safetensors", "open_clip_pytorch_model.bin"]
    both += ["config.json", "model.safetensors", "pytorch_model.bin", "vocab.json", "modeling.py"]
    assert files_of_model(both) == [
        "open_clip_config.json",
        "open_clip_model.safetensors",
        "vocab.json",
    ]
    assert files_of_model(["config.json", "model.safetensors", "modeling.py"]) == [
        "config.json",
        "model.safetensors",
    ]
    assert files_of_model(["config.json", "pytorch_model.bin"]) == []
