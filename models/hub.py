"""Checkpoints from the Hugging Face hub, through its cache.

Nothing is downloaded silently: whoever calls passes `announce`, which is told in one line before
the first byte; what is cached is read without asking the hub. Offline and not cached is a
ModelError that names the model, what was tried and the ways out.
"""

from collections.abc import Callable, Collection
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
)

from models.errors import ModelError
from models.openclip import CONFIG_FILE

Announce = Callable[[str], None]
TIMEOUT_S = 10.0
WAYS_OUT = "give a local path, or --model starter, which ships with Pictor"

# preferred first; each is open_clip's name for the weights of a repository
OPEN_CLIP_WEIGHTS = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)
TRANSFORMERS_FILES = ("config.json", "model.safetensors")
# read where they are there; never code
EXTRAS = (
    "preprocessor_config.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "processor_config.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "merges.txt.gz",
)
# a cache without either may be half of a download, or what another program needed
PREPROCESSING_FILES = {"preprocessor_config.json", "processor_config.json"}
# the first base is the error of whichever HTTP client the hub's library uses
FAILURES: tuple[type[Exception], ...] = (*HfHubHTTPError.__bases__, OSError, ValueError)


def fetch_model(repository: str, announce: Announce) -> Path:
    """A folder with ORG/NAME's settings and weights, in either layout."""
    return _fetch(repository, f"hf-hub:{repository}", files_of_model, announce)


def fetch_weights(repository: str, file: str | None, model: str, announce: Announce) -> Path:
    """The weights file of a listed model: `file` where the list names one."""
    candidates = (file,) if file else OPEN_CLIP_WEIGHTS

    def choose(names: Collection[str]) -> list[str]:
        return [name for name in candidates if name in names][:1]

    folder = _fetch(repository, model, choose, announce)
    return folder / choose(_names_in(folder))[0]


def files_of_model(names: Collection[str]) -> list[str]:
    """Of a repository's files, those that a model is read from; none where it holds no model."""
    weights = [name for name in OPEN_CLIP_WEIGHTS if name in names][:1]
    if CONFIG_FILE in names and weights:
        chosen = [CONFIG_FILE, *weights]
    elif set(TRANSFORMERS_FILES) <= set(names):
        chosen = [*TRANSFORMERS_FILES]
    else:
        return []
    return chosen + [name for name in EXTRAS if name in names]


def _fetch(
    repository: str,
    model: str,
    choose: Callable[[Collection[str]], list[str]],
    announce: Announce,
) -> Path:
    cached = _cached_folder(repository, model)
    if cached is not None and _is_whole(choose(_names_in(cached))):
        return cached
    announce(f"{model} is not in the local cache: downloading it from the hub")
    try:
        info = HfApi().model_info(repository, timeout=TIMEOUT_S)
        files = choose([sibling.rfilename for sibling in info.siblings or []])
        if not files:
            raise ModelError(f"{model}: {repository} on the hub holds no CLIP model's files")
        return Path(snapshot_download(repository, revision=info.sha, allow_patterns=files))
    except FAILURES as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ModelError(
            f"{model}: tried the local cache (not there) and the hub (failed: {reason}); {WAYS_OUT}"
        ) from error


def _is_whole(files: list[str]) -> bool:
    return bool(files) and ("config.json" not in files or bool(PREPROCESSING_FILES & {*files}))


def _cached_folder(repository: str, model: str) -> Path | None:
    try:
        return Path(snapshot_download(repository, local_files_only=True))
    except HFValidationError as error:
        raise ModelError(f"{model}: {repository!r} is not of the form ORG/NAME") from error
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None


def _names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
