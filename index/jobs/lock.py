"""One job at a time on a collection, across processes.

The operating system releases the lock with the process, however it ends. The lock's file stays:
removing it would let a third job lock a new one beside a second that still waits on the old.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from index.folder import CollectionFolder, writing
from models.errors import CollectionError


@contextlib.contextmanager
def job_lock(folder: CollectionFolder) -> Iterator[None]:
    """Raises CollectionError, at once, while another job runs."""
    with writing(folder.lock):
        descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise CollectionError(
            f"{folder.path}: another job is running on this collection"
        ) from error
    try:
        yield
    finally:
        os.close(descriptor)
