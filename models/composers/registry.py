"""The composers by name, and those that one model can use.

Composers(encoder, phis) raises ModelError for a phi network that is pinned to another space.
`default` is what the model was trained for where that is known, else the best it has: its own
MagicLens head, then a phi network that was given for it, then the sum.
"""

from collections.abc import Callable, Sequence

from models.composers.basic import BasicKind, HarrisFusion
from models.composers.composer import Composer, ComposerKind, Tools
from models.composers.magiclens import MagicLensKind
from models.composers.slerp import SlerpKind
from models.composers.textual_inversion import TextualInversionKind
from models.composers.weighted_sum import WeightedSumKind
from models.encoders import DualEncoder, PromptEncoder
from models.errors import InputError, ModelError, UnsupportedComposerError
from models.phi import Phi
from models.query import Fusion
from models.space import Space

# best first
KINDS: dict[str, ComposerKind] = {
    "magiclens": MagicLensKind(),
    "lincir": TextualInversionKind("lincir"),
    "searle": TextualInversionKind("searle"),
    "pic2word": TextualInversionKind("pic2word"),
    "sum": WeightedSumKind(),
    "slerp": SlerpKind(),
    "basic": BasicKind(),
}
FUSIONS: dict[str, Callable[..., Fusion]] = {"harris": HarrisFusion}
# models whose towers were trained for a composer
TRAINED_FOR = {"BAAI/BGE-VL-base": "sum", "BAAI/BGE-VL-large": "sum"}


class Composers:
    """What one model composes with; safe to use from several threads."""

    def __init__(self, encoder: DualEncoder, phis: Sequence[Phi] = ()) -> None:
        given: dict[str, Phi] = {}
        for phi in phis:
            _check_phi(phi, encoder)
            if phi.kind in given:
                raise ModelError(f"two {phi.kind} networks were given, expected one of a kind")
            given[phi.kind] = phi
        self._tools = Tools(encoder, given)
        self._unweighted = {
            name: kind.of(self._tools, kind.weight.default if kind.weight else 0)
            for name, kind in KINDS.items()
            if kind.missing(self._tools) is None
        }

    @property
    def space(self) -> Space:
        """In which the model compares texts with pictures."""
        return self._tools.encoder.space

    @property
    def names(self) -> list[str]:
        """Best first."""
        return list(self._unweighted)

    @property
    def default(self) -> str:
        model = self._tools.encoder.spaces[-1].model
        return TRAINED_FOR.get(model, self.names[0])

    def named(self, name: str | None = None, weight: float | None = None) -> Composer:
        """Raises UnsupportedComposerError for a name that this model has no composer of, InputError
        for a weight that it does not take."""
        name = self.default if name is None else name
        if name not in self._unweighted:
            raise UnsupportedComposerError(self._refusal(name))
        if weight is None:
            return self._unweighted[name]
        return KINDS[name].of(self._tools, checked_weight(name, weight))

    def _refusal(self, name: str) -> str:
        reason = KINDS[name].missing(self._tools) if name in KINDS else "there is none of that name"
        return f"composer {name!r}: {reason}; supported here: {', '.join(self.names)}"


def _check_phi(phi: Phi, encoder: DualEncoder) -> None:
    """A word belongs to one text tower: a light query encoder's is another than its gallery's may
    be, whatever the space it is pinned to."""
    if phi.space != encoder.space:
        raise ModelError(
            f"{phi.kind} network is for {phi.space}, the model's texts are of {encoder.space}"
        )
    if not encoder.fills_galleries:
        raise ModelError(
            f"{phi.kind} network is for the text tower of {phi.space}, and a light query encoder "
            "need not have that one: serve the gallery's model"
        )
    width = encoder.word_width if isinstance(encoder, PromptEncoder) else None
    if width not in (None, phi.width):
        raise ModelError(
            f"{phi.kind} network gives words of width {phi.width}, the model takes {width}"
        )


def checked_weight(name: str, weight: float) -> float:
    """Raises InputError for one out of range, or for a composer that has none."""
    bounds = KINDS[name].weight
    if bounds is None:
        raise InputError(f"composer {name}: takes no weight")
    return bounds.checked(name, weight)
