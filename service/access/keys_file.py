"""The keys of a collection on disk: `.pictor-keys.json` in its folder, or a file of one's own.

It is beside the catalogue and not within, so that it stays when a job publishes another generation
and is in no copy or export of the collection, which take what the catalogue names. A change is
whole or not made, is made by one process at a time, and leaves a file that its owner alone may
read. A collection whose last key is revoked still has a file, and stays closed.

Raises CollectionError for a file that cannot be read or written, InputError for an unknown key.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.errors import CollectionError, InputError
from models.files import sync
from service.access.keys import Key, scopes_of

NAME = ".pictor-keys.json"
FORMAT = 1
OWNER_ONLY = 0o600


def keys_file_of(collection: Path) -> Path:
    return collection / NAME


class KeysFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[Key, ...]:
        """In the order that they were made; none where there is no file."""
        try:
            return keys_in(self.path.read_bytes())
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise CollectionError(f"{self.path}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise CollectionError(f"{self.path}: no file of keys: {error}") from error

    def add(self, key: Key) -> None:
        with self._changing() as keys:
            if any(each.name == key.name for each in keys):
                raise InputError(f"{key.name!r}: there is a key of this name; revoke it first")
            keys.append(key)

    def revoke(self, which: str) -> Key:
        """By its name or its id; it is good for nothing from now on."""
        with self._changing() as keys:
            found = [key for key in keys if which in (key.id, key.name)]
            if len(found) != 1:
                raise InputError(f"{which!r}: {'several keys have' if found else 'no key has'} it")
            keys.remove(found[0])
        return found[0]

    @contextlib.contextmanager
    def _changing(self) -> Iterator[list[Key]]:
        """The keys, to be changed in place; written when the block ends well."""
        with self._failing(), self._lock():
            keys = list(self.read())
            yield keys
            self._write(content_of(keys))

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        lock = self.path.with_name(f"{self.path.name}.lock")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, content: bytes) -> None:
        unfinished = self.path.with_name(f"{self.path.name}.tmp")
        unfinished.unlink(missing_ok=True)  # a killed process's
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            self._give_to_owner(descriptor)
            os.fsync(descriptor)
        unfinished.replace(self.path)
        sync(self.path.parent)

    def _give_to_owner(self, descriptor: int) -> None:
        """The superuser writes for whoever owns the folder, who is to read it."""
        if os.geteuid() == 0:
            folder = self.path.parent.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CollectionError(f"{self.path}: cannot be written: {error.strerror}") from error


def content_of(keys: list[Key]) -> bytes:
    rows = [{**key.described(), "sha256": key.sha256} for key in keys]
    return json.dumps({"format": FORMAT, "keys": rows}, indent=2).encode() + b"\n"


def keys_in(content: bytes) -> tuple[Key, ...]:
    """Raises ValueError for what `content_of` does not write."""
    try:
        whole = json.loads(content)
        if whole["format"] != FORMAT:
            raise ValueError(f"format is {whole['format']}, this Pictor reads {FORMAT}")
        return tuple(_key(row) for row in whole["keys"])
    except (InputError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f"damaged: {type(error).__name__}") from error


def _key(row: dict[str, Any]) -> Key:
    if len(bytes.fromhex(row["sha256"])) != 32:
        raise ValueError("damaged: a hash has not 256 bits")
    expires_at = row["expires_at"] and _moment(row["expires_at"])
    made = _moment(row["created_at"])
    return Key(row["id"], row["name"], scopes_of(row["scopes"]), row["sha256"], made, expires_at)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
