"""The kinds of training runs, by the `kind` that their TOML file names.

- "clip", where none is named: a dual encoder from nothing
- "head": a MagicLens head beside a dual encoder
- "magiclens": a whole MagicLens model, on triplets
- "finetune": a dual encoder adapted to pictures of one's own
- "lincir": a textual inversion network
- "isa": a light query encoder

read_config(path) raises InputError naming the file and the field.
"""

from pathlib import Path

from models.errors import InputError
from training.config import (
    HeadConfig,
    IsaConfig,
    LincirConfig,
    TrainingConfig,
    checked,
    read_toml,
)
from training.finetune_config import FinetuneConfig
from training.magiclens_config import MagicLensConfig

RunConfig = (
    TrainingConfig | HeadConfig | MagicLensConfig | FinetuneConfig | LincirConfig | IsaConfig
)
KINDS: dict[str, type[RunConfig]] = {
    "clip": TrainingConfig,
    "head": HeadConfig,
    "magiclens": MagicLensConfig,
    "finetune": FinetuneConfig,
    "lincir": LincirConfig,
    "isa": IsaConfig,
}


def read_config(path: Path) -> RunConfig:
    """The run that this TOML file describes, with its paths made absolute."""
    content = read_toml(path)
    kind = content.get("kind", "clip")
    if kind not in list(KINDS):
        raise InputError(f"{path}: kind: {kind!r}, expected one of {', '.join(KINDS)}")
    return checked(path, content, KINDS[kind])
