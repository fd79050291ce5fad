"""A secret that a collection keeps: made once, the same for every process that reads it.

kept_key(collection, name) -> 32 random bytes. It lies in the catalogue, so that of processes that
start at once one makes it and all read that one, and a copy of the collection has it too.
Raises CollectionError where the catalogue cannot be read, or not be written the first time.
"""

import secrets
from contextlib import closing
from pathlib import Path

from index.catalogue import connect, sqlite_errors
from index.folder import CollectionFolder

KEY_BYTES = 32
PATIENCE_MS = 60_000  # a job may be publishing


def kept_key(collection: Path, name: str) -> bytes:
    file = CollectionFolder(collection.absolute()).catalogue
    held = f"key {name}"
    select = "SELECT value FROM meta WHERE key = ?"
    with closing(connect(file)) as connection, sqlite_errors(file):
        found = connection.execute(select, (held,)).fetchone()
        if found is None:
            connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
            made = secrets.token_bytes(KEY_BYTES)
            connection.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (held, made))
            found = connection.execute(select, (held,)).fetchone()
    return bytes(found[0])
