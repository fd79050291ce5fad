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
from models.encoders import DualEncoder
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
TRAINED_FOR = {"starter": "sum", "BAAI/BGE-VL-base": "sum", "BAAI/BGE-VL-large": "sum"}


class Composers:
    """What one model composes with; safe to use from several threads."""

    def __init__(self, encoder: DualEncoder, phis: Sequence[Phi] = ()) -> None:
        for phi in phis:
            if phi.space != encoder.space:
                raise ModelError(
                    f"{phi.kind} network is for {phi.space}, the model's texts are of "
                    f"{encoder.space}"
                )
        self._tools = Tools(encoder, {phi.kind: phi for phi in phis})
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
        name = name or self.default
        if name not in self._unweighted:
            raise UnsupportedComposerError(self._refusal(name))
        if weight is None:
            return self._unweighted[name]
        return KINDS[name].of(self._tools, checked_weight(name, weight))

    def _refusal(self, name: str) -> str:
        reason = KINDS[name].missing(self._tools) if name in KINDS else "there is none of that name"
        return f"composer {name!r}: {reason}; supported here: {', '.join(self.names)}"


def checked_weight(name: str, weight: float) -> float:
    """Raises InputError for one out of range, or for a composer that has none."""
    bounds = KINDS[name].weight
    if bounds is None:
        raise InputError(f"composer {name}: takes no weight")
    return bounds.checked(name, weight)
