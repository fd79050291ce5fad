"""Pictures that were sent while a job was making vectors that the collection does not have.

A job of other spaces, or one that mends damaged segments, reads what was sent once, as it begins.
What comes later is embedded when it publishes: `missing` are those that would be without a vector,
`embed` makes theirs, and publishing writes them. Raises CollectionError for bytes that cannot be
read any more, of an item that is still there: it would be lost.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from index.changes.delta import Packed, pack_segment
from index.changes.uploads import UploadContent
from index.folder import CollectionFolder
from index.items import UPLOADS
from index.jobs.decoders import Decoders
from index.jobs.embedding import BatchSize, Embedder
from index.jobs.options import JobOptions
from index.jobs.previous import Previous
from index.jobs.reading import Decoded, Missing, PictureDecoder
from index.jobs.staging import Staged
from index.segments import rows_to_ids
from models.encoders import ImageEncoder
from models.errors import CollectionError, ImageError


@dataclass
class LateUploads:
    folder: CollectionFolder
    previous: Previous
    encoder: ImageEncoder
    options: JobOptions
    rows: dict[str, Packed] = field(default_factory=dict)  # made so far, by item
    refused: dict[str, str] = field(default_factory=dict)  # and why

    def missing(self, connection: sqlite3.Connection, staged: Staged) -> list[str]:
        if self.previous.is_whole:
            return []
        sent = connection.execute(
            "SELECT DISTINCT item_id FROM occurrences WHERE source = ?", (UPLOADS,)
        )
        held = set(self.rows) | self.previous.with_vectors
        for _, segment in staged.parts[1]:
            held.update(rows_to_ids(segment.ids))
        if self.previous.has_spaces:
            held.update(id_ for (id_,) in connection.execute("SELECT item_id FROM delta"))
        lacking = [id_ for (id_,) in sent if id_ not in held]
        for id_ in lacking:
            if id_ in self.refused:
                raise CollectionError(
                    f"{self.folder.upload(id_)}: was sent, and cannot be embedded anew: "
                    f"{self.refused[id_]}; nothing was published: DELETE it, or put it back"
                )
        return lacking

    def embed(self, items: Sequence[str]) -> None:
        """Those that cannot be are refused, which matters if they are still there then."""
        decode = PictureDecoder(self.encoder, self.options.limits)
        count, limits = self.options.threads, self.options.decoders
        embedder = Embedder(self.encoder, BatchSize(), self._refuse)
        with (
            Decoders[Missing, Decoded](decode, count=count, limits=limits) as decoders,
            closing(embedder),
        ):
            for item in items:
                self._read(item, decoders, embedder)
            for segment in embedder.take():
                self.rows |= pack_segment(segment)

    def _read(self, item: str, decoders: Decoders[Missing, Decoded], embedder: Embedder) -> None:
        try:
            content = UploadContent(self.folder.upload(item), item)
            data = content.read(self.options.limits.max_bytes)
            decoded = decoders.decode(Missing(item, data, vector=True, thumbnail=False))
        except ImageError as error:
            self._refuse(item, str(error))
            return
        if decoded.pixels is not None:
            embedder.add(item, decoded.pixels)

    def _refuse(self, item: str, reason: str) -> None:
        self.refused[item] = reason
