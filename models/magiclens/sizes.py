"""How large a MagicLens is; every number of it shows in the shapes of its published arrays."""

from dataclasses import asdict, dataclass

from models.errors import ModelError

MAX_LAYERS = 200
MAX_SIDE = 10_000_000
MLP_RATIO = 4  # CLIP's feed-forward width, and the pooler's inner width, over their inputs'


@dataclass(frozen=True)
class MagicLensSizes:
    """Raises ModelError for numbers that do not go together."""

    dimension: int
    vision_width: int
    vision_layers: int
    vision_heads: int
    patch: int
    resolution: int
    text_width: int
    text_layers: int
    text_heads: int
    context: int
    vocabulary: int
    fusion_layers: int
    fusion_heads: int
    fusion_inner: int
    pooler_heads: int

    def __post_init__(self) -> None:
        for name, size in asdict(self).items():
            largest = MAX_LAYERS if name.endswith("_layers") else MAX_SIDE
            if type(size) is not int or not 0 < size <= largest:
                raise ModelError(f"{name} {size!r}: expected a whole number from 1 to {largest}")
        for name, whole, part in (
            ("vision_heads", self.vision_width, self.vision_heads),
            ("text_heads", self.text_width, self.text_heads),
            ("fusion_heads", self.dimension, self.fusion_heads),
            ("pooler_heads", MLP_RATIO * self.dimension, self.pooler_heads),
            ("patch", self.resolution, self.patch),
        ):
            if whole % part:
                raise ModelError(f"{name} {part}: expected a divisor of {whole}")

    @property
    def positions(self) -> int:
        """Of the image tower: the patches, and the class token before them."""
        return (self.resolution // self.patch) ** 2 + 1
