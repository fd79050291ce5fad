"""The indexes of a job's segments: kept, or built anew and tuned.

What kind each is, how well it must find, and in how much memory, the options say. An exact index
has nothing to tune; another is tuned for queries like pictures and, with the captions that the job
has read as examples where there are any, for queries like texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from index.faiss import FaissIndex, check_factory
from index.folder import checksum
from index.jobs.journal import Journal
from index.segments import Segment, SegmentRecord
from index.vectors.choosing import Budget, choose
from index.vectors.effort import Tuning
from index.vectors.indexes import IndexRecord, factory_of, index_name, settings_of
from index.vectors.tuning import tune
from index.vectors.units import StackedUnits
from models.encoders import ImageEncoder, TextEncoder
from models.errors import InputError
from models.space import Space

EXAMPLES = 400  # texts to tune with


@dataclass(frozen=True)
class IndexOptions:
    factory: str | None = None  # FAISS's words for a kind of index; chosen where None
    budget: Budget = field(default_factory=Budget)

    def check(self, spaces: Sequence[Space]) -> None:
        """Raises InputError for what FAISS would refuse, before a job has done all the rest."""
        if not 0 < self.budget.recall <= 1:
            raise InputError(f"recall is {self.budget.recall}, expected over 0 and at most 1")
        for space in spaces:
            if self.factory is not None:
                check_factory(self.factory, space.dimension)

    def wants(self, settings: str) -> bool:
        """Whether an index of these settings will do."""
        return self.factory is None or factory_of(settings) == self.factory


@dataclass(frozen=True)
class IndexBuilder:
    options: IndexOptions
    encoder: ImageEncoder
    journal: Journal
    folder: Path

    def build(
        self, records: Sequence[SegmentRecord], opened: Sequence[Segment]
    ) -> tuple[IndexRecord, ...]:
        """One a space, over all these segments."""
        return tuple(
            self._built(position, space.dimension, records, opened)
            for position, space in enumerate(self.encoder.spaces)
        )

    def _built(
        self,
        position: int,
        dimension: int,
        records: Sequence[SegmentRecord],
        opened: Sequence[Segment],
    ) -> IndexRecord:
        units = StackedUnits([each.vectors[position].units for each in opened])
        factory = self.options.factory or choose(len(units), dimension, self.options.budget)
        index = FaissIndex.build(factory, dimension, units)
        settings = settings_of(factory, self._tuned(index, units, position))
        file = self.folder / index_name(records, position, settings)
        index.write(file)
        return IndexRecord(
            name=file.name,
            rows=len(index),
            bytes=file.stat().st_size,
            checksum=checksum(file),
            space=position,
            segments=len(records),
            settings=settings,
        )

    def _tuned(self, index: FaissIndex, units: StackedUnits, position: int) -> Tuning | None:
        if index.exact:
            return None
        texts = None
        # texts are compared with pictures in the first space alone
        if position == 0 and isinstance(self.encoder, TextEncoder):
            captions = self.journal.captions(EXAMPLES)
            texts = self.encoder.encode_texts(captions) if len(captions) == EXAMPLES else None
        return tune(index, units, target=self.options.budget.recall, texts=texts)
