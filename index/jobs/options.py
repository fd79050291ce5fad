"""How a job does its work, wherever it does it."""

from dataclasses import dataclass, field

from index.jobs.building import IndexOptions
from index.jobs.decoders import DecoderLimits
from models.decode import DecodeLimits
from models.errors import InputError


@dataclass(frozen=True)
class JobOptions:
    threads: int
    batch_size: int | None = None  # pictures through the encoder at once; found out where None
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    decoders: DecoderLimits = field(default_factory=DecoderLimits)
    index: IndexOptions = field(default_factory=IndexOptions)
    thumbnails: bool = True  # a collection that nobody looks at does without
    checkpoint_rows: int = 4096  # after as many new vectors, or
    checkpoint_s: float = 15.0  # after as long

    def __post_init__(self) -> None:
        if self.threads < 1 or (self.batch_size is not None and self.batch_size < 1):
            raise InputError(
                f"threads is {self.threads}, batch_size is {self.batch_size}: expected 1 or more"
            )
