"""Vectors made elsewhere, to rows of the collection's space.

Their source is believed: nothing here can tell whether the model that made them is the one that the
user names, beyond the dimension. An item's id is its source's and key's, and a key that is known
keeps its vector. Where the picture is there, it gives the item's size, date and thumbnail; one that
cannot be read is a failure, and its vector stays.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from index.folder import CollectionFolder
from index.items import Failure, Item, item_id
from index.jobs.decoders import Decoders
from index.jobs.journal import Journal
from index.jobs.options import JobOptions
from index.jobs.parts import write_part
from index.jobs.previous import Previous
from index.jobs.reading import Decoded, Missing, PictureDecoder
from index.segments import Segment, Vectors, ids_to_rows
from index.sources import FoundVector, VectorSource
from models.encoders import ImageEncoder, split_spaces
from models.errors import ImageError, InputError
from models.space import Space, named
from models.vectors import unit

BATCH = 4096  # rows between two checkpoints


@dataclass(frozen=True)
class Importing:
    folder: CollectionFolder
    previous: Previous
    journal: Journal
    encoder: ImageEncoder
    options: JobOptions

    def run(self, sources: Sequence[VectorSource]) -> int:
        """How many vectors are new to the collection."""
        for source in sources:
            _check(source, self.encoder.spaces)
        if not sources:
            return 0
        new = 0
        decode = PictureDecoder(self.encoder, self.options.limits)
        threads, limits = self.options.threads, self.options.decoders
        with Decoders[Missing, Decoded](decode, count=threads, limits=limits) as decoders:
            for source in sources:
                found = source.walk(self.journal.add_failure)
                while batch := list(islice(found, BATCH)):
                    new += self._take(batch, decoders)
        return new

    def _take(self, batch: Sequence[FoundVector], decoders: Decoders[Missing, Decoded]) -> int:
        first = {each.id: each for each in batch}
        new = [each for id_, each in first.items() if not self._is_known(id_)]
        with ThreadPoolExecutor(2 * self.options.threads, "pictor-read") as pool:
            for item in pool.map(lambda each: self._item(each, decoders), new):
                self.journal.add_item(item)
        for each in batch:
            self.journal.add_occurrence(each, each.id)
        self.folder.adopt("thumbnails")
        part = write_part(self.folder, [self._segment(new)] if new else [])
        self.journal.checkpoint(part)
        return len(new)

    def _is_known(self, item: str) -> bool:
        return self.journal.holds(item) or self.previous.embedded(item)

    def _item(self, found: FoundVector, decoders: Decoders[Missing, Decoded]) -> Item:
        nothing = Item(found.id, bytes=0, width=0, height=0, format="")
        if found.content is None:
            return nothing
        try:
            data = found.content.read(self.options.limits.max_bytes)
            missing = Missing(found.id, data, vector=False, thumbnail=self.options.thumbnails)
            decoded = decoders.decode(missing)
        except ImageError as error:
            self.journal.add_failure(Failure(found.source, found.path, str(error)))
            return nothing
        if decoded.thumbnail is not None:
            self.folder.stage_thumbnail(found.id, decoded.thumbnail)
        return replace(decoded.item, content=item_id(data))

    def _segment(self, found: Sequence[FoundVector]) -> Segment:
        rows = np.stack([each.embedding for each in found])
        parts = [unit(part) for part in split_spaces(rows, self.encoder.spaces)]
        vectors = tuple(Vectors(units.astype(np.float16), norms) for units, norms in parts)
        return Segment(ids_to_rows([each.id for each in found]), vectors)


def _check(source: VectorSource, spaces: Sequence[Space]) -> None:
    expected = sum(space.dimension for space in spaces)
    if source.dimension != expected:
        raise InputError(
            f"{source.name}: vectors of {source.dimension} dimensions, {named(spaces)} has "
            f"{expected}: name the model that made them with --model"
        )
