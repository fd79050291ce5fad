"""Embeddings and their unit vectors.

An embedding is a model's raw pooled float32 output, shape (n, dim). It is scaled to unit length
when it is written or compared, and its norm is kept beside it, because the weighted sum and
MagicLens need the unscaled one.
"""

import numpy as np
from numpy.typing import NDArray

from models.errors import InputError

Embeddings = NDArray[np.float32]  # (n, dim)
Vector = NDArray[np.float32]  # (dim,)


def unit(embeddings: Embeddings) -> tuple[Embeddings, NDArray[np.float32]]:
    """(n, dim) -> unit rows (n, dim) and their norms (n,), both float32.

    Raises InputError for a row of zeros or one that is not finite: it has no direction.
    """
    # float64 keeps the squares of large outputs finite
    norms = np.sqrt(np.einsum("nd,nd->n", embeddings, embeddings, dtype=np.float64))
    if not np.all(np.isfinite(norms) & (norms > 0)):
        row = int(np.flatnonzero(~(np.isfinite(norms) & (norms > 0)))[0])
        raise InputError(f"embedding {row} has no direction: its norm is {norms[row]}")
    return (embeddings / norms[:, None]).astype(np.float32), norms.astype(np.float32)


def unit_vector(embedding: Vector) -> Vector:
    """(dim,) -> (dim,) of unit length; raises InputError as `unit` does."""
    units, _ = unit(embedding[None, :])
    vector: Vector = units[0]
    return vector


def directed(embeddings: Embeddings) -> NDArray[np.bool_]:
    """Which rows have a direction: (n, dim) -> (n,)."""
    norms = np.linalg.norm(embeddings.astype(np.float64), axis=1)
    found: NDArray[np.bool_] = np.isfinite(norms) & (norms > 0)
    return found
