"""Put the picture into the instruction as a word.

A network phi maps the picture's raw embedding to a pseudo-word, which stands for a symbol in a
prompt that the text tower reads: one text query, over the same gallery. Published prompts:
"a photo of $ that {instruction}" (SEARLE: Baldrati et al., "Zero-Shot Composed Image Retrieval with
Textual Inversion", ICCV 2023; LinCIR: Gu et al., "Language-only Training of Zero-shot Composed
Image Retrieval", CVPR 2024) and "a photo of * , {instruction}" (Pic2Word: Saito et al., CVPR 2023).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.composers.composer import Asked, Tools
from models.encoders import Prompt, PromptEncoder
from models.phi import Phi
from models.query import Question, single
from models.vectors import Embeddings

PROMPTS = {
    "searle": ("$", "a photo of $ that {}"),
    "lincir": ("$", "a photo of $ that {}"),
    "pic2word": ("*", "a photo of * , {}"),
}


@dataclass(frozen=True, eq=False)  # one network is one composer
class TextualInversion:
    phi: Phi

    @property
    def name(self) -> str:
        return self.phi.kind

    def prompts(self, asked: Asked) -> Sequence[Prompt]:
        symbol, template = PROMPTS[self.phi.kind]
        word = self.phi.words(asked.picture[self.phi.space][None])[0]
        return [Prompt(template.format(asked.joined), word, symbol)]

    def compose(self, asked: Sequence[Asked], texts: Sequence[Embeddings]) -> list[Question]:
        return [single(self.phi.space, rows[0]) for rows in texts]


@dataclass(frozen=True)
class TextualInversionKind:
    phi: str  # the kind of network
    weight: None = None

    def missing(self, tools: Tools) -> str | None:
        if self.phi not in tools.phis:
            return f"no {self.phi} network was given for this model (--phi)"
        encoder = tools.encoder
        if not isinstance(encoder, PromptEncoder) or encoder.word_width is None:
            return "the model's text tower takes no pseudo-words"
        return None

    def of(self, tools: Tools, weight: float) -> TextualInversion:
        return TextualInversion(tools.phis[self.phi])
