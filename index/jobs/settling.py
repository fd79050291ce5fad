"""The delta as a generation is published: what is in segments now leaves it, and so do deletes.

fold(connection, staged, removed, late) runs inside the transaction that switches the segments, once
items and occurrences are as they will be. Of an item that was deleted, or deleted and added again,
since the segments before were published, no row that they share is left alive; what the job has
written anew counts where the item is there. `late` are vectors of the new spaces for what was added
too late to be in a segment: they take the place of those in the delta.
"""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from index.changes.delta import Packed
from index.jobs.staging import Staged
from index.segments import Segment, SegmentRecord, rows_among, rows_to_ids


def fold(
    connection: sqlite3.Connection,
    staged: Staged,
    removed: Collection[str],
    late: Mapping[str, Packed],
) -> None:
    kept, written = staged.parts
    added = _ids(connection, "SELECT item_id FROM delta")
    (folded,) = connection.execute("SELECT value FROM meta WHERE key = 'folded'").fetchone()
    left = _ids(connection, "SELECT item_id FROM deleted WHERE change > ?", folded)
    away = _ids(connection, "SELECT item_id FROM deleted")
    _bury(connection, kept, {*removed, *left, *added})
    _bury(connection, written, {*removed, *away})
    connection.execute("DELETE FROM dead WHERE segment NOT IN (SELECT name FROM segments)")
    _leave_delta(connection, written, added)
    _renew(connection, late)
    connection.execute("DELETE FROM touched")


def _ids(connection: sqlite3.Connection, statement: str, *values: object) -> list[str]:
    return [id_ for (id_,) in connection.execute(statement, values)]


def _bury(
    connection: sqlite3.Connection,
    segments: Sequence[tuple[SegmentRecord, Segment]],
    items: Collection[str],
) -> None:
    """Their rows are dead from now on."""
    if not items:
        return
    for record, segment in segments:
        rows = rows_among(segment, list(items)).tolist()
        connection.executemany(
            "INSERT OR IGNORE INTO dead VALUES (?, ?)", ((record.name, row) for row in rows)
        )


def _leave_delta(
    connection: sqlite3.Connection,
    segments: Sequence[tuple[SegmentRecord, Segment]],
    added: Sequence[str],
) -> None:
    """Those that the job has written."""
    if not added:
        return
    for _, segment in segments:
        rows = rows_among(segment, added)
        written = json.dumps(rows_to_ids(segment.ids[rows]))
        connection.execute(
            "DELETE FROM delta WHERE item_id IN (SELECT value FROM json_each(?))", (written,)
        )


def _renew(connection: sqlite3.Connection, late: Mapping[str, Packed]) -> None:
    """Of items that are still there, and in no segment."""
    connection.executemany(
        "INSERT INTO delta (item_id, change, units, norms) "
        "SELECT id, (SELECT value FROM meta WHERE key = 'changes'), ?2, ?3 FROM items "
        "WHERE id = ?1 ON CONFLICT (item_id) DO UPDATE SET "
        "units = excluded.units, norms = excluded.norms",
        ((id_, vectors.units, vectors.norms) for id_, vectors in late.items()),
    )
