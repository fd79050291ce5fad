"""First stage: fit the text tower and a projection to the teacher's features, by the CLIP loss.

The projection (teacher dim -> dim) becomes the target that the image tower learns in the second
stage.
"""

import numpy as np
import torch
import torch.nn.functional as F

from models.text_tower import encode_tokens
from training.config import TextStage
from training.corpus import Corpus
from training.loop import Losses, Stage
from training.losses import clip_loss
from training.state import Learner, weight_groups


def text_stage(config: TextStage, seed: int, learner: Learner, corpus: Corpus) -> Stage:
    captioned = np.flatnonzero(~corpus.is_class)
    classes = _rows_by_caption(corpus)

    def losses(random: np.random.Generator) -> Losses:
        rows = random.choice(captioned, size=min(config.batch, len(captioned)), replace=False)
        if classes:
            picked = random.choice(
                len(classes), min(config.class_batch, len(classes)), replace=False
            )
            rows = np.concatenate([rows, [random.choice(classes[i]) for i in picked]])
        texts = caption_embeddings(learner, [str(random.choice(corpus.captions[r])) for r in rows])
        views = random.integers(0, corpus.boxes.shape[1], size=len(rows))
        pictures = teacher_embeddings(learner, corpus, rows, views)
        return {"text": clip_loss(pictures, texts, learner.model.logit_scale.exp(), smoothing=0.1)}

    text_parts = [
        (name, p) for name, p in learner.model.named_parameters() if not name.startswith("visual.")
    ]
    projection = list(learner.projection.named_parameters()) if learner.projection else []
    groups = weight_groups([*text_parts, *projection], config.learning_rate, config.weight_decay)
    return Stage("text", config.steps, config.steps // 20, seed, losses, groups)


def caption_embeddings(learner: Learner, texts: list[str]) -> torch.Tensor:
    """Unit (batch, dim)."""
    return F.normalize(raw_caption_embeddings(learner, texts), dim=-1)


def raw_caption_embeddings(learner: Learner, texts: list[str]) -> torch.Tensor:
    tokens = learner.tokenizer(texts).to(learner.device)  # (batch, context)
    return encode_tokens(learner.model, tokens).float()


def teacher_embeddings(
    learner: Learner, corpus: Corpus, rows: np.ndarray, views: np.ndarray
) -> torch.Tensor:
    """The teacher's features of these views, projected: unit (batch, dim)."""
    if corpus.features is None or learner.projection is None:
        raise ValueError("the corpus has no teacher")
    features = torch.from_numpy(corpus.features[rows, views]).to(learner.device)
    return F.normalize(learner.projection(features).float(), dim=-1)


def _rows_by_caption(corpus: Corpus) -> list[np.ndarray]:
    rows: dict[str, list[int]] = {}
    for row in np.flatnonzero(corpus.is_class):
        rows.setdefault(corpus.captions[row][0], []).append(int(row))
    return [np.array(members) for members in rows.values()]
