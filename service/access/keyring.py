"""The keys of a collection as a running server knows them: as they are on disk now.

The file is looked at for every caller and read again when it has changed, so that a key that is
made or revoked counts from then on. Once there is a file of keys the server is closed to who has
none, and stays so, whatever becomes of the file: what cannot be read opens nothing.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from models.errors import CollectionError
from service.access.keys import Key, id_in, is_key
from service.access.keys_file import KeysFile

Stamp = tuple[int, ...]

log = logging.getLogger(__name__)


class Keyring:
    """Raises CollectionError where there is a file that cannot be read."""

    def __init__(self, file: KeysFile, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._clock = clock
        self._stamp = self._look()
        self._in_force = self._stamp is not None
        self._keys = {key.id: key for key in file.read()}

    @property
    def in_force(self) -> bool:
        """Whether a key is asked for."""
        self._refresh()
        return self._in_force

    def find(self, text: str) -> Key | None:
        """The key that this is, if it is good now."""
        key = self.get(id_in(text) or "")
        return key if is_key(text, key) else None

    def get(self, id_: str) -> Key | None:
        """The key of this id, if it is good now."""
        self._refresh()
        key = self._keys.get(id_)
        if key is None or key.has_expired(datetime.fromtimestamp(self._clock(), UTC)):
            return None
        return key

    def _refresh(self) -> None:
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp, self._in_force = stamp, True
        try:
            self._keys = {key.id: key for key in self._file.read()}
        except CollectionError as error:
            self._keys = {}
            log.error("nobody is let in until this is put right: %s", error)
        if stamp is None:
            log.error("%s: is gone; nobody is let in until it is back", self._file.path)

    def _look(self) -> Stamp | None:
        try:
            seen = self._file.path.stat()
        except FileNotFoundError:
            return None
        except OSError:
            return ()  # nothing that a file has: it is there, and not to be seen
        return (seen.st_ino, seen.st_mtime_ns, seen.st_size, seen.st_ctime_ns)
