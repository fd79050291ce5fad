"""Instructions between captioned photographs that look alike: what one caption says and the other
does not, in the words of the template writer.

Of each photograph's nearest a few are drawn by the seed; a pair whose captions give no usable
instruction is left out.
"""

import numpy as np

from training.relations import CaptionEdits, Depicted, Rows
from training.triplets.instructions import Described
from training.triplets.template_writer import TemplateWriter, TemplateWriterConfig

NEAREST = 20  # photographs, among which a photograph's partners are drawn
PARTNERS = 4
BLOCK = 1024


def caption_edits(depicted: Depicted, embeddings: np.ndarray, seed: int) -> CaptionEdits:
    """`embeddings` are the photographs' raw ones, (photographs, dim)."""
    captioned = np.flatnonzero(~depicted.corpus.is_class)
    random = np.random.default_rng([seed, 3])
    pairs = _alike(embeddings[captioned].astype(np.float32), random)
    pairs = captioned[pairs]
    writer = TemplateWriter(TemplateWriterConfig(kind="template", seed=seed))
    described = [(_said(depicted, a, random), _said(depicted, b, random)) for a, b in pairs]
    written = writer.write(described)
    kept = [(pair, text) for pair, text in zip(pairs, written, strict=True) if text is not None]
    return CaptionEdits(np.array([pair for pair, _ in kept]), [text for _, text in kept], depicted)


def _said(depicted: Depicted, row: int, random: np.random.Generator) -> Described:
    return Described(caption=str(random.choice(depicted.corpus.captions[row])), id=str(row))


def _alike(embeddings: np.ndarray, random: np.random.Generator) -> Rows:
    """(pairs, 2): each row with some of its nearest others."""
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    nearest = min(NEAREST, len(units) - 1)
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(units), BLOCK):
        similarities = units[start : start + BLOCK] @ units.T
        for row, each in enumerate(similarities, start=start):
            each[row] = -np.inf
            found = np.argsort(-each, kind="stable")[:nearest]
            drawn = random.permutation(found)[:PARTNERS]
            pairs += [(row, int(other)) for other in drawn]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
