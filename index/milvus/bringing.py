"""What was added and deleted in Milvus, brought into the folder's collection.

bring(generation, files, collection) -> how many were added. Raises CollectionError where they have
vectors of another model than the folder's, or what was sent cannot be read any more.
"""

from dataclasses import replace

from index.adding import Addition
from index.collection import Collection
from index.items import UPLOADS
from index.milvus.generation import Generation
from index.milvus.records import Entity
from index.milvus.snapshot import Files
from models.errors import CollectionError
from models.space import named

TOGETHER = 100  # pictures of one transaction


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
