"""What a composer learns from: a picture, an instruction, the picture that it leads to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Triplet:
    """A picture, an instruction, and the picture that it leads to; picture files as bytes."""

    query: bytes
    target: bytes
    instruction: str
    ids: tuple[str, str]  # of the query and the target
    source: str  # where it comes from: a page, a folder, a dataset
    negatives: tuple[bytes, ...] = ()  # mined: near the query, and not the target
