"""What is mined: every threshold of it.

Cosines are an encoder's own, so what is far and what is near is to be set for each. MegaPairs,
which finds its pairs anywhere, keeps those between 0.8 and 0.96; pictures of one page are related
before they look alike, so that the range here begins lower. The steps are MagicLens's.
Sources: Zhang et al., "MagicLens: Self-Supervised Image Retrieval with Open-Ended Instructions",
ICML 2024; Zhou et al., "MegaPairs: Massive Data Synthesis For Universal Multimodal Retrieval", ACL
2025.
"""

from typing import Self

from pydantic import Field, model_validator

from training.config import Section

ADVERT_WORDS = (
    "advert",
    "adverts",
    "advertisement",
    "advertisements",
    "advertising",
    "sponsored",
    "promo",
    "coupon",
    "buy now",
    "click here",
    "sign up",
    "banner ad",
    "logo",
)


class Mining(Section):
    seed: int = 0
    min_side: int = Field(default=288, ge=1)  # px, of the shorter side
    max_aspect: float = Field(default=3.0, ge=1)  # the longer side over the shorter: no banners
    advert_words: tuple[str, ...] = ADVERT_WORDS  # in a picture's texts, whole, in any case
    max_group: int = Field(default=50, ge=2)  # pictures that are no adverts, not small, not twice
    near_duplicate: float = Field(default=0.98, gt=0, le=1)  # cosine of two pictures
    image_similarity: tuple[float, float] = (0.5, 0.96)  # cosine of a pair's pictures
    text_similarity: tuple[float, float] = (0.0, 1.0)  # of the query's picture, the target's text
    max_pairs: int = Field(default=6, ge=1)  # of a group, both directions counted
    negatives: int = Field(default=3, ge=0)  # others of the group within the query's range
    bands: int = Field(default=5, ge=1)  # of equal width, that image_similarity is split into
    band_pairs: int = Field(default=100_000, ge=1)  # of each band, as far as there are
    batch: int = Field(default=64, ge=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for name in ("image_similarity", "text_similarity"):
            low, high = getattr(self, name)
            if not -1 <= low < high <= 1:
                raise ValueError(f"{name}: expected two numbers of -1 to 1, the smaller first")
        if not all(word.strip() for word in self.advert_words):
            raise ValueError("advert_words: a word is empty")
        return self
