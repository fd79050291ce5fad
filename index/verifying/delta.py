"""What `verify` looks for in what was added and deleted since a generation was published."""

from collections.abc import Iterator

from index.catalogue import SqliteCatalogue
from index.changes.delta import changes_of_generation
from index.changes.uploads import UploadContent
from index.folder import CollectionFolder
from index.items import upload_path
from index.segments import Segment, rows_to_ids
from models.errors import CollectionError, ImageError

DELTA = "delta"
PREFIXES = [f"{number:x}" for number in range(16)]  # of ids


def added_rows(catalogue: SqliteCatalogue) -> Segment:
    """Raises CollectionError for one that is not of the collection's spaces."""
    header = catalogue.header()
    return changes_of_generation(catalogue, header.folded, header.change, header.spaces).added


def left_since(catalogue: SqliteCatalogue) -> list[str]:
    """The items whose rows in segments count no more, though no job has said so yet."""
    header = catalogue.header()
    try:
        changes = changes_of_generation(catalogue, header.folded, header.change, header.spaces)
    except CollectionError:
        return []  # told already
    return [*changes.deleted, *rows_to_ids(changes.added.ids)]


def upload_faults(folder: CollectionFolder, catalogue: SqliteCatalogue) -> Iterator[str]:
    for prefix in PREFIXES:
        sent = catalogue.sent_within(prefix)
        for id_, item in catalogue.items(sorted(sent)).items():
            try:
                UploadContent(folder.upload(id_), id_).read(item.bytes)
            except ImageError as error:
                yield f"uploads/{upload_path(id_)}: {error}"
