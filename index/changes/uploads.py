"""Pictures that were sent to a collection: their bytes lie in it, by content.

An item that was sent has one occurrence of the source UPLOADS, whatever else it was found in. A job
never scans that source for what has left; one that makes vectors of another space, or vectors that
were damaged, reads its pictures again like any others. Bytes that are not the item's any more raise
ImageError.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from index.catalogue import SqliteCatalogue, connect
from index.folder import CollectionFolder
from index.found import FileContent, FoundImage, Listener, Root, stop_at
from index.items import UPLOADS, Item, item_id
from models.errors import ImageError

__all__ = ["UPLOADS", "UploadContent", "UploadSource"]

READ_TOGETHER = 500  # items


@dataclass(frozen=True)
class UploadContent:
    file: Path
    item: str

    def read(self, max_bytes: int) -> bytes:
        data = FileContent(self.file).read(max_bytes)
        if item_id(data) != self.item:
            raise ImageError("damaged: not the bytes that were sent")
        return data


@dataclass(frozen=True)
class UploadSource:
    """Those that were there when it was made, and still are when their turn comes."""

    folder: CollectionFolder
    ids: tuple[str, ...]

    name = UPLOADS

    @property
    def root(self) -> Root | None:
        return None

    def count(self) -> int:
        return len(self.ids)

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        del failed  # each tells of itself when it is read
        with closing(connect(self.folder.catalogue)) as connection:
            catalogue = SqliteCatalogue(connection, self.folder.catalogue)
            for first in range(0, len(self.ids), READ_TOGETHER):
                items = catalogue.items(self.ids[first : first + READ_TOGETHER])
                for item in items.values():
                    yield from self._found(item)

    def _found(self, item: Item) -> Iterator[FoundImage]:
        for at in item.occurrences:
            if at.source == UPLOADS:
                content = UploadContent(self.folder.upload(item.id), item.id)
                yield FoundImage(UPLOADS, at.path, at.caption, at.metadata, content, stamp=item.id)
