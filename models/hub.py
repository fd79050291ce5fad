"""Checkpoints from the Hugging Face hub, through its cache.

Nothing is downloaded silently: whoever calls passes `announce`, which is told in one line before
the first byte. Offline and not cached is a ModelError that names the model, what was tried and the
ways out.
"""

from collections.abc import Callable
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from models.errors import ModelError

Announce = Callable[[str], None]
# weights as data and their settings; never code
PATTERNS = ["*.json", "*.safetensors", "merges.txt", "*.txt.gz"]
WAYS_OUT = "give a local path, or --model starter, which ships with Pictor"


def cached_folder(repository: str) -> Path | None:
    """The folder of what the cache holds of ORG/NAME, or None."""
    try:
        return Path(snapshot_download(repository, allow_patterns=PATTERNS, local_files_only=True))
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    except HFValidationError as error:
        raise ModelError(f"hf-hub:{repository}: not of the form ORG/NAME") from error


def fetch_folder(repository: str, announce: Announce) -> Path:
    """A local folder with ORG/NAME's settings and weights, downloaded where it is not cached."""
    folder = cached_folder(repository)
    if folder is not None and any(folder.glob("*.safetensors")):
        return folder
    announce(f"hf-hub:{repository} is not in the local cache: downloading it from the hub")
    try:
        return Path(snapshot_download(repository, allow_patterns=PATTERNS))
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise unreachable(f"hf-hub:{repository}", error) from error


def unreachable(model: str, error: BaseException) -> ModelError:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return ModelError(
        f"{model}: tried the local cache (not there) and the hub (failed: {reason[:120]}); "
        f"{WAYS_OUT}"
    )
