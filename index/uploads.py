"""Pictures that were sent to a collection: their bytes lie in it, by content.

An item that was sent has one occurrence of the source UPLOADS, whatever else it was found in. A job
never scans that source for what has left; one that makes vectors of another space, or vectors that
were damaged, reads its pictures again like any others. Bytes that are not the item's any more raise
ImageError.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from index.catalogue import SqliteCatalogue
from index.folder import CollectionFolder
from index.found import FileContent, FoundImage, Listener, Root, stop_at
from index.items import UPLOADS, Occurrence, item_id
from models.errors import ImageError

__all__ = ["UPLOADS", "UploadContent", "UploadSource"]


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
    """Those that were there when it was made."""

    folder: CollectionFolder
    sent: tuple[tuple[str, Occurrence], ...]  # with the item of each

    name = UPLOADS

    @classmethod
    def of(cls, folder: CollectionFolder, catalogue: SqliteCatalogue) -> "UploadSource":
        ids = catalogue.ids_by_path(UPLOADS).values()
        items = catalogue.items(list(ids)).values()
        return cls(
            folder,
            tuple((i.id, o) for i in items for o in i.occurrences if o.source == UPLOADS),
        )

    @property
    def root(self) -> Root | None:
        return None

    def count(self) -> int:
        return len(self.sent)

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        del failed  # each tells of itself when it is read
        for item, at in self.sent:
            content = UploadContent(self.folder.upload(item), item)
            yield FoundImage(UPLOADS, at.path, at.caption, at.metadata, content, stamp=item)
