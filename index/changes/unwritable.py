"""What keeps a live change from being written, each as an error of its own.

NoRoomError for a full disk or quota, ReadOnlyError for a collection that this process may not
write, LockedError while another writer holds it for longer than one waits, CollectionError for all
else. Whoever is told has lost nothing: the collection is as it was.
"""

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from models.errors import CollectionError, LockedError, NoRoomError, ReadOnlyError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}

KINDS: dict[int, type[CollectionError]] = {
    sqlite3.SQLITE_FULL: NoRoomError,
    sqlite3.SQLITE_READONLY: ReadOnlyError,
    sqlite3.SQLITE_PERM: ReadOnlyError,
    sqlite3.SQLITE_CANTOPEN: ReadOnlyError,
    sqlite3.SQLITE_BUSY: LockedError,
    sqlite3.SQLITE_LOCKED: LockedError,
}
PRIMARY = 0xFF  # SQLite's extended codes are a primary one with more above it


@contextlib.contextmanager
def changing(place: Path) -> Iterator[None]:
    """SQLite's and the system's failures within, told of this place."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        kind = KINDS.get(code & PRIMARY, CollectionError)
        raise kind(f"{place}: cannot be written: {error}") from error
    except OSError as error:
        raise _of_system(error)(f"{place}: cannot be written: {error.strerror}") from error


def _of_system(error: OSError) -> type[CollectionError]:
    if error.errno in FULL:
        return NoRoomError
    return ReadOnlyError if error.errno in READ_ONLY else CollectionError
