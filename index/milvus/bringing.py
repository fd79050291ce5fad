"""What was added and deleted in Milvus, brought into the folder's collection.

bring(generation, files, collection) -> how many were added. Their files stay beside the folder's
own until the next time, when `tidy` removes what the generation has no need of. Raises
CollectionError where they have vectors of another model than the folder's, or what was sent cannot
be read any more.
"""

from dataclasses import replace

from index.changes.adding import Addition
from index.collection import Collection
from index.folder import UNFINISHED
from index.items import UPLOADS
from index.milvus.generation import Generation
from index.milvus.records import Entity
from index.milvus.snapshot import Files
from models.errors import CollectionError
from models.space import named

TOGETHER = 100  # pictures of one transaction


def tidy(generation: Generation, files: Files) -> None:
    """While nobody writes: remove the files of what is in the folder by now, or nowhere."""
    parts = generation.every_record("live == true")
    needed = {record.item.id for part in parts for record in part}
    for folder in (files.live.uploads, files.live.thumbnails):
        for file in folder.glob("??/*"):
            if file.suffix != UNFINISHED and file.stem not in needed:
                file.unlink(missing_ok=True)


def bring(generation: Generation, files: Files, collection: Collection) -> int:
    """What was added and deleted in Milvus, into the folder."""
    with collection.snapshot() as snapshot:
        spaces = snapshot.spaces
    live = collection.changes()
    live.delete(generation.notes.keys("deleted"))
    if spaces != generation.spaces:
        count = generation.count("live == true")
        if count:
            raise CollectionError(
                f"{count} pictures were added in Milvus with vectors of "
                f"{named(generation.spaces)}, and the folder is of {named(spaces)} by now: publish "
                "before indexing with another model"
            )
        return 0
    brought = 0
    for entities in generation.every_entity("live == true"):
        for first in range(0, len(entities), TOGETHER):
            part = entities[first : first + TOGETHER]
            brought += len(live.add([_addition(each, files, generation) for each in part]))
    return brought


def _addition(entity: Entity, files: Files, generation: Generation) -> Addition:
    item = entity.record.item
    sent = next(at for at in item.occurrences if at.source == UPLOADS)
    try:
        data = files.live.upload(item.id).read_bytes()
    except OSError as error:
        raise CollectionError(f"{item.id}: what was sent cannot be read: {error}") from error
    thumbnail = files.live.thumbnail(item.id)
    return Addition(
        data,
        replace(item, occurrences=()),
        {space: entity.embedding(n) for n, space in enumerate(generation.spaces)},
        thumbnail.read_bytes() if thumbnail.is_file() else None,
        sent.path,
        sent.caption,
        sent.metadata,
    )
