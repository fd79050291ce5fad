"""The losses of the starter, each the mean over a batch of unit float32 rows (batch, dim).

Sources: clip_loss, Radford et al., "Learning Transferable Visual Models From Natural Language
Supervision", ICML 2021; grouped_clip_loss, Yang et al., "Unified Contrastive Learning in
Image-Text-Label Space", CVPR 2022; distillation_loss, cosine plus in-batch cross-entropy to fixed
targets,
after Tian et al., "Contrastive Representation Distillation", ICLR 2020.
"""

import torch
import torch.nn.functional as F


def clip_loss(
    images: torch.Tensor, texts: torch.Tensor, scale: torch.Tensor | float, smoothing: float = 0.0
) -> torch.Tensor:
    """Row i of images belongs to row i of texts; cross-entropy in both directions."""
    logits = scale * images @ texts.T  # (batch, batch)
    labels = torch.arange(len(logits), device=logits.device)
    there = F.cross_entropy(logits, labels, label_smoothing=smoothing)
    back = F.cross_entropy(logits.T, labels, label_smoothing=smoothing)
    return (there + back) / 2


def grouped_clip_loss(
    images: torch.Tensor, texts: torch.Tensor, groups: torch.Tensor, scale: torch.Tensor | float
) -> torch.Tensor:
    """The same, where a row belongs to every row of its group (batch,), each to an equal share."""
    logits = scale * images @ texts.T  # (batch, batch)
    same = (groups[:, None] == groups[None, :]).to(logits.dtype)
    targets = same / same.sum(dim=1, keepdim=True)  # symmetric in each group
    return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2


def distillation_loss(
    students: torch.Tensor, teachers: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Row i of students should be row i of teachers, and nearer to it than to any other row."""
    cosine = (students * teachers).sum(dim=-1)
    logits = students @ teachers.T / temperature
    labels = torch.arange(len(logits), device=logits.device)
    return (1 - cosine).mean() + F.cross_entropy(logits, labels)


def composition_loss(
    queries: torch.Tensor, gallery: torch.Tensor, targets: torch.Tensor, scale: torch.Tensor | float
) -> torch.Tensor:
    """InfoNCE: query i (queries, dim) should find row targets[i] of the gallery (batch, dim).

    The reference pictures are in the gallery, so each query's own picture is a negative of it.
    """
    return F.cross_entropy(scale * queries @ gallery.T, targets)
