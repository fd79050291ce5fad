"""LinCIR: a textual inversion network from captions alone, for any causal text tower.

A caption's raw embedding t (dim,), plus noise, is mapped to a word w (width,); w takes the place of
the caption's keywords, in all places, and the embedding of that text should be t again:

    w = phi(s * t + u * noise * n),  s ~ U(scales), u ~ U(0, 1) a caption,  n ~ N(0, I)
    loss = mean((t' - t)^2)

The encoder is frozen. Noise and scales stand for what a picture's embedding differs by from a
text's. Published: noise = 1.0 on the raw embeddings of CLIP, of 768 dimensions and a norm of about
10, and no scales (1 to 1); another encoder wants other noise, and one whose pictures have shorter
embeddings than its texts, scales that reach down to theirs. Leaves `checkpoint.pt` in `out`, and
`phi/`, a folder that `--phi` takes. Built to the paper: the MLP, its dropout, the loss, AdamW with
a constant rate, the moving average of the weights (optional). Otherwise: the tagger (see
training/keywords.py).
Source: Gu et al., "Language-only Training of Zero-shot Composed Image Retrieval", CVPR 2024.
"""

import copy
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from evaluation.scenes import generate
from evaluation.tables import read_table
from models.device import Placement
from models.errors import InputError, ModelError
from models.load import load_parts
from models.openclip_encoder import OpenClipEncoder
from models.phi import Mlp, Phi, write_phi
from models.text_tower import PseudoWords, encode_tokens, word_width
from models.tokens import Tokenizer
from training.config import LincirConfig, fingerprint
from training.keywords import WITHOUT_KEYWORD, cleaned, masked
from training.loop import Losses, Optimisation, Pace, Stage, run_stage
from training.state import Checkpoints, Report, constant_share

SYMBOL = "$"
SYMBOL_TOKENS = 3  # a start, the symbol, an end
HIDDEN_TIMES = 4  # of the embedding's dimension, as published
PUBLISHED = Optimisation((0.9, 0.999), 1e-8, gradient_limit=math.inf, schedule=constant_share)


@dataclass(frozen=True)
class TextTower:
    """A frozen one, with its tokenizer and the id of the symbol."""

    module: Any
    tokenizer: Tokenizer
    device: torch.device
    symbol: int

    def embeddings(self, texts: list[str]) -> torch.Tensor:
        """Raw (n, dim)."""
        with torch.no_grad():
            return encode_tokens(self.module, self.tokenizer(texts).to(self.device)).float()

    def embeddings_with(self, texts: list[str], words: torch.Tensor) -> torch.Tensor:
        """Raw (n, dim), the words (n, width) in every place of the symbol."""
        tokens = self.tokenizer(texts).to(self.device)  # (n, context)
        lost = ~(tokens == self.symbol).any(dim=1)  # the symbol was cut off with the text's end
        if bool(lost.any()):
            spare = self.tokenizer([WITHOUT_KEYWORD.format(SYMBOL)]).to(self.device)
            tokens = torch.where(lost[:, None], spare, tokens)
        pseudo_words = PseudoWords(words, tokens == self.symbol)
        return encode_tokens(self.module, tokens, pseudo_words=pseudo_words).float()


@dataclass
class PhiLearner:
    """The network in training, and where it is wanted the moving average of its weights."""

    network: Mlp
    device: torch.device
    ema_decay: float | None = None
    steps: int = 0

    def __post_init__(self) -> None:
        self.average = copy.deepcopy(self.network).requires_grad_(False)

    def parameters(self) -> list[torch.nn.Parameter]:
        return list(self.network.parameters())

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "steps": self.steps,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.steps = int(state["steps"])

    def settle(self) -> None:
        self.steps += 1
        # published: the average follows closely at first
        kept = min(self.ema_decay or 0.0, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for mean, weight in zip(
                self.average.parameters(), self.network.parameters(), strict=True
            ):
                mean.lerp_(weight, 1 - kept)


@dataclass(frozen=True)
class LincirStep:
    """The loss of one step; call it with the step's generator."""

    tower: TextTower
    network: torch.nn.Module
    captions: list[str]
    batch: int
    noise: float
    scales: tuple[float, float] = (1.0, 1.0)

    def __call__(self, random: np.random.Generator) -> Losses:
        # noise and dropout are torch's: seeded by the step, as everything that is drawn
        torch.manual_seed(int(random.integers(2**31)))
        size = min(self.batch, len(self.captions))
        drawn = [self.captions[row] for row in random.choice(len(self.captions), size)]
        originals = self.tower.embeddings([cleaned(text, SYMBOL) or "." for text in drawn])
        words = self.network(noised(lengthened(originals, self.scales), self.noise))
        found = self.tower.embeddings_with([masked(text, SYMBOL) for text in drawn], words)
        return {"distance": F.mse_loss(found, originals)}


def lengthened(embeddings: torch.Tensor, scales: tuple[float, float]) -> torch.Tensor:
    """(n, dim) -> (n, dim); each row's scale is drawn evenly between the two."""
    shares = torch.rand(len(embeddings), 1, device=embeddings.device)
    return embeddings * (scales[0] + (scales[1] - scales[0]) * shares)


def noised(embeddings: torch.Tensor, noise: float) -> torch.Tensor:
    """(n, dim) -> (n, dim); each row's deviation is drawn evenly from 0 to `noise`."""
    shares = torch.rand(len(embeddings), 1, device=embeddings.device)
    return embeddings + shares * noise * torch.randn_like(embeddings)


def train_lincir(config: LincirConfig, placement: Placement, report: Report) -> Path:
    """Train, or go on training; returns the folder of the finished network."""
    config.out.mkdir(parents=True, exist_ok=True)
    name, loaded = load_parts(config.model, report)
    encoder = OpenClipEncoder(name, loaded, placement)
    tower = text_tower_of(name, loaded.module, loaded.tokenizer, placement.device)
    checkpoints = Checkpoints(config.out, fingerprint(config, encoder.space.revision))
    checkpoints.load()  # a checkpoint of another configuration is refused before the captions
    captions = gather_captions(config)
    report(f"{len(captions)} captions")
    torch.manual_seed(config.seed)
    network = _fresh_network(config, encoder.space.dimension, encoder.word_width or 0)
    learner = PhiLearner(network.to(placement.device), placement.device, config.ema_decay)
    step = LincirStep(tower, network, captions, config.batch, config.noise, config.scales)
    run_stage(_stage(config, step), learner, checkpoints, Pace.of(config), report)
    origin = {"trained": "lincir", "name": config.name, "captions": len(captions)}
    origin |= config.model_dump(mode="json", include={"steps", "batch", "noise", "scales", "seed"})
    trained = learner.average.to("cpu").eval()
    phi = Phi("lincir", encoder.space, trained, encoder.word_width or 0, origin)
    write_phi(config.out / "phi", phi)
    return config.out / "phi"


def text_tower_of(
    name: str,
    module: Any,  # noqa: ANN401
    tokenizer: Tokenizer,
    device: torch.device,
) -> TextTower:
    """Raises ModelError for a tower that takes no words, or has no token for the symbol."""
    if word_width(module) is None:
        raise ModelError(f"{name}: its text tower takes no pseudo-words")
    symbol = tokenizer([SYMBOL])[0]  # (context,)
    if int(symbol.argmax()) + 1 != SYMBOL_TOKENS:
        raise ModelError(f"{name}: its tokenizer has no token for {SYMBOL!r}")
    return TextTower(module.eval().requires_grad_(False), tokenizer, device, int(symbol[1]))


def gather_captions(config: LincirConfig) -> list[str]:
    """Each once, in the order of the files. Raises InputError for a source that has none."""
    captions: dict[str, None] = {}
    for path in config.texts:
        captions |= _texts_in(config.data / path)
    for table in config.captions:
        rows = read_table(config.data / table.table, ("split", "caption"))
        found = {row["caption"]: None for row in rows if row["split"] == table.split}
        if not found:
            raise InputError(f"{config.data / table.table}: no row of the split {table.split!r}")
        captions |= found
    if config.scenes:
        for scene in generate(config.scenes.seed, config.scenes.count).scenes:
            captions |= dict.fromkeys((scene.full, *scene.short))
    return list(captions)


def _texts_in(path: Path) -> dict[str, None]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    texts = dict.fromkeys(line.strip() for line in lines if line.strip())
    if not texts:
        raise InputError(f"{path}: expected a caption a line, found none")
    return texts


def _fresh_network(config: LincirConfig, dimension: int, width: int) -> Mlp:
    hidden = config.hidden or HIDDEN_TIMES * dimension
    return Mlp((dimension, hidden, hidden, width), config.dropout)


def _stage(config: LincirConfig, step: LincirStep) -> Stage:
    rate = config.learning_rate
    groups = [
        {
            "params": list(step.network.parameters()),
            "lr": rate,
            "peak": rate,
            "weight_decay": config.weight_decay,
        }
    ]
    return Stage("phi", config.steps, config.warmup_steps, config.seed, step, groups, PUBLISHED)
