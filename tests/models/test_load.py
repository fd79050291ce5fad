"""The word that a user gives for a model leads to that model, or to one plain line."""

from pathlib import Path

import open_clip
import pytest
import torch

from models import openclip
from models.device import choose_placement
from models.errors import ModelError
from models.hub import files_of_model
from models.huggingface import CLIP_MEAN
from models.load import load_encoder
from models.openclip import OpenClipEncoder

# the smallest architecture that open_clip lists
SMALL = "ViT-S-32-alt"


def load(reference: str) -> OpenClipEncoder:
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


def test_a_tag_sets_up_the_model_as_it_was_trained(checkpoint: Path) -> None:
    loaded = openclip.load_listed(SMALL, None, checkpoint)
    assert loaded.preprocessing.mean == CLIP_MEAN and not loaded.quick_gelu


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
