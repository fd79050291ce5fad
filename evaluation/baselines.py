"""What a composer must beat: its own query without the words, and without the picture.

`image` ranks by the picture alone, in the space in which the model compares pictures, and `text` by
the instructions alone, in that in which it compares texts with pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.composers.composer import Asked, Composer
from models.composers.registry import Composers
from models.encoders import Prompt
from models.errors import UnsupportedComposerError
from models.query import Question, single
from models.space import Space
from models.vectors import Embeddings


@dataclass(frozen=True)
class ImageOnly:
    name: str = "image"

    def prompts(self, asked: Asked) -> Sequence[Prompt]:
        return []

    def compose(self, asked: Sequence[Asked], texts: Sequence[Embeddings]) -> list[Question]:
        last = [list(each.picture.items())[-1] for each in asked]
        return [single(space, embedding) for space, embedding in last]


@dataclass(frozen=True)
class TextOnly:
    space: Space
    name: str = "text"

    def prompts(self, asked: Asked) -> Sequence[Prompt]:
        return [Prompt(asked.joined)]

    def compose(self, asked: Sequence[Asked], texts: Sequence[Embeddings]) -> list[Question]:
        return [single(self.space, rows[0]) for rows in texts]


BASELINES = ("image", "text")


def baseline(name: str, space: Space) -> Composer:
    """`space` is that in which texts and pictures are compared."""
    return ImageOnly() if name == "image" else TextOnly(space)


def composer_or_baseline(name: str | None, composers: Composers) -> Composer:
    """Raises UnsupportedComposerError as `Composers.named` does."""
    if name in BASELINES:
        return baseline(name, composers.space)
    try:
        return composers.named(name)
    except UnsupportedComposerError as error:
        raise UnsupportedComposerError(f"{error}; to measure, also image and text") from error
