"""A training run of any kind, from its configuration to a folder that can be used.

Each kind goes on where a killed run stopped; what it leaves in the configuration's `out`, its own
module says.
"""

from pathlib import Path

from models.device import Placement
from training.clip import train_clip
from training.config import HeadConfig, IsaConfig, LincirConfig
from training.finetune import train_finetune
from training.finetune_config import FinetuneConfig
from training.head import train_head
from training.isa import train_isa
from training.kinds import RunConfig
from training.lincir import train_lincir
from training.magiclens_config import MagicLensConfig
from training.magiclens_run import train_magiclens
from training.state import Report


def train(config: RunConfig, placement: Placement, threads: int, report: Report) -> Path:
    """Train, or go on training; returns the folder of what was trained."""
    match config:
        case HeadConfig():
            return train_head(config, placement, threads, report)
        case MagicLensConfig():
            return train_magiclens(config, placement, threads, report)
        case FinetuneConfig():
            return train_finetune(config, placement, threads, report)
        case LincirConfig():
            return train_lincir(config, placement, report)
        case IsaConfig():
            return train_isa(config, placement, threads, report)
        case _:
            return train_clip(config, placement, threads, report)
