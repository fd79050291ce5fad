"""Mod-X: while a dual encoder learns new pairs, its similarities stay distributed as they were.

old_similarities_loss(new, old, same, temperature): the cosines (batch, batch) of pictures (rows) to
texts (columns) that the model in training and the one before it give, and which of the pairs belong
together (batch, batch) bool -> a scalar. A row's distribution is the softmax of its cosines over
the temperature, its own pair among them; the loss is the sum over rows of KL(old's || new's), the
mean of both directions. A row whose nearest is, to the old model, none of its own says nothing that
is worth keeping, and counts for nothing. No gradient reaches `old`. Float32, outside autocast: at
the published temperature the divergences are small differences.

Published, as the authors' code has it: temperature 1 and weight 20 beside the contrastive loss,
whose temperature is the model's own; and because rows are summed, the weight counts for more in a
larger batch (theirs: 70 a GPU, on 4). There a row has one right answer; here pictures of one class
share theirs. Source: Ni et al., "Continual Vision-Language Representation Learning with
Off-Diagonal Information", ICML 2023.
"""

import torch
import torch.nn.functional as F


def old_similarities_loss(
    new: torch.Tensor, old: torch.Tensor, same: torch.Tensor, temperature: float
) -> torch.Tensor:
    pictures = _of_rows(new, old, same, temperature)
    return (pictures + _of_rows(new.T, old.T, same.T, temperature)) / 2


def _of_rows(
    new: torch.Tensor, old: torch.Tensor, same: torch.Tensor, temperature: float
) -> torch.Tensor:
    nearest = old.argmax(dim=1, keepdim=True)  # (batch, 1)
    right = same.gather(1, nearest)
    wanted = F.log_softmax(old.detach() / temperature, dim=1)
    given = F.log_softmax(new / temperature, dim=1)
    divergences = F.kl_div(given, wanted, log_target=True, reduction="none")  # (batch, batch)
    return (divergences * right).sum()
