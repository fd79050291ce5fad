"""A MagicLens in training as a folder that `--model` takes, and as an encoder.

write_magiclens(folder, trained): float32 weights and the card, in the layout of
models/magiclens/folder.py, each file whole, the card last; at every moment the folder holds the
model before, the new one, or none. encoder_of(trained, placement): a copy of the weights as they
are, for a measurement, while training goes on with its own.
"""

import copy
import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from models.cards import write_card
from models.device import Placement
from models.files import sync
from models.magiclens.encoder import MagicLensEncoder
from models.magiclens.folder import CARD_FILE, FORMAT, VERSION, WEIGHTS_FILE, Card
from models.magiclens.module import MagicLens
from models.preprocess import Preprocessing


@dataclass(frozen=True)
class Trained:
    name: str
    module: MagicLens
    preprocessing: Preprocessing
    source: str  # what run it comes from, and after how many steps

    @property
    def parameters(self) -> int:
        return sum(tensor.numel() for tensor in self.module.state_dict().values())


def write_magiclens(folder: Path, trained: Trained) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: tensor.detach().cpu().float().contiguous()
        for name, tensor in trained.module.state_dict().items()
    }
    unfinished = folder / f"{WEIGHTS_FILE}.tmp"
    save_file(weights, unfinished, metadata={"format": "pt"})
    unfinished.chmod(0o644)  # safetensors makes it readable for its owner alone
    sync(unfinished)
    with unfinished.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    (folder / CARD_FILE).unlink(missing_ok=True)
    unfinished.replace(folder / WEIGHTS_FILE)
    write_card(folder / CARD_FILE, _content(trained, digest))
    sync(folder)


def encoder_of(trained: Trained, placement: Placement) -> MagicLensEncoder:
    module = copy.deepcopy(trained.module)
    card = Card(
        name=trained.name,
        sizes=module.sizes,
        preprocessing=trained.preprocessing,
        source=trained.source,
        source_sha256="",
        parameters=trained.parameters,
    )
    return MagicLensEncoder(trained.name, module, card, placement)


def _content(trained: Trained, digest: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": trained.name,
        "sizes": asdict(trained.module.sizes),
        "preprocessing": trained.preprocessing.settings(),
        "source": trained.source,
        "source_sha256": digest,  # of the weights: they are their own source
        "parameters": trained.parameters,
    }
